/** How wrk is told what to send, and how it tells what came: a script in its own language, Lua. */

/**
 * The first argument is a file with a request in each line: method, path and body with tabs between them. They are put
 * together once, before the load begins.
 */
export const WRK_SCRIPT = `
local requests, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local method, path, body = line:match('^(%S+)\\t(%S+)\\t(.*)$')
    if body == '' then
      requests[#requests + 1] = wrk.format(method, path)
    else
      requests[#requests + 1] = wrk.format(method, path, { ['Content-Type'] = 'application/json' }, body)
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"count":%d,"seconds":%.6f,"failed":%d,"p50Ms":%.3f,"p99Ms":%.3f}\\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000
  ))
end
`;
