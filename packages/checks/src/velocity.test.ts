import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createVelocity } from './velocity.ts';

const options = { windowMs: 100, contactsMax: 10, attemptsMax: 4 };

test('attempts are counted for each contact, however it is written', () => {
  const velocity = createVelocity(options);
  assert.is(velocity.count({ contact: 'kim', name: 'a', nowMs: 0 }), 1);
  assert.is(velocity.count({ contact: ' KIM ', name: 'b', nowMs: 1 }), 2);
  assert.is(velocity.count({ contact: 'lee', name: 'c', nowMs: 2 }), 1);
});

test('the same attempt again counts once', () => {
  const velocity = createVelocity(options);
  assert.is(velocity.count({ contact: 'kim', name: 'a', nowMs: 0 }), 1);
  assert.is(velocity.count({ contact: 'kim', name: 'a', nowMs: 50 }), 1);
  assert.is(velocity.count({ contact: 'kim', name: 'b', nowMs: 60 }), 2);
});

test('no name is special', () => {
  const velocity = createVelocity(options);
  assert.is(velocity.count({ contact: '__proto__', name: 'constructor', nowMs: 0 }), 1);
  assert.is(velocity.count({ contact: '__proto__', name: '__proto__', nowMs: 0 }), 2);
});

test('the window slides: as many as there were within it, up to the bound', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }), (pauses) => {
      const velocity = createVelocity(options);
      const times: number[] = [];
      let nowMs = 0;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        times.push(nowMs);
        const within = times.filter((time) => time > nowMs - options.windowMs).length;
        const counted = velocity.count({ contact: 'kim', name: String(times.length), nowMs });
        assert.is(counted, Math.min(within, options.attemptsMax));
      }
    }),
  );
});

test('of too many contacts the quietest is forgotten', () => {
  const velocity = createVelocity({ ...options, contactsMax: 2 });
  const count = (contact: string, name: string) => velocity.count({ contact, name, nowMs: 0 });
  count('a', '1');
  count('b', '1');
  assert.is(count('a', '2'), 2);
  count('c', '1');
  assert.is(count('a', '3'), 3);
  assert.is(count('b', '2'), 1);
});

test.run();
