/**
 * Which country each field of a checkout speaks of, as an ISO code. A field that does not tell gives null: an address that
 * ends in .com, a Visa card, a country that is spelled in a way nobody foresaw. Only what does tell can contradict.
 */
import { schemeOf } from './card.ts';

/** Schemes that issue cards in one country only. All others are of anywhere. */
const HOME_OF_SCHEME: Readonly<Record<string, string>> = {
  elo: 'BR',
  hiper: 'BR',
  hipercard: 'BR',
  mir: 'RU',
  naranja: 'AR',
  troy: 'TR',
  verve: 'NG',
};

export const countryOfCard = (cardNumber: string): string | null => {
  const scheme = schemeOf(cardNumber);
  return scheme === null ? null : (HOME_OF_SCHEME[scheme.type] ?? null);
};

/** Ends of internet addresses that are sold to everybody, whatever country they were made for. */
const OPEN_DOMAINS = new Set(
  'ac ag ai am as at be cc cd ch co dj fm gg gl io is la li ly me ms nu sc sh so st tk to tv vc ws'.split(' '),
);

/** Calling codes of one country each; no calling code begins with another. */
const CALLING_CODES: Readonly<Record<string, string>> = Object.fromEntries(
  (
    '20 EG 27 ZA 30 GR 31 NL 32 BE 33 FR 34 ES 351 PT 352 LU 353 IE 354 IS 356 MT 357 CY 359 BG 36 HU 370 LT 371 LV 372 EE ' +
    '373 MD 375 BY 380 UA 381 RS 385 HR 386 SI 40 RO 41 CH 420 CZ 421 SK 43 AT 45 DK 46 SE 48 PL 49 DE 51 PE 52 MX 54 AR ' +
    '55 BR 56 CL 57 CO 60 MY 62 ID 63 PH 64 NZ 65 SG 66 TH 81 JP 82 KR 84 VN 86 CN 852 HK 886 TW 90 TR 91 IN 92 PK 94 LK ' +
    '234 NG 254 KE 971 AE 972 IL 966 SA'
  )
    .match(/\d+ [A-Z]{2}/g)
    ?.map((pair) => pair.split(' ')) ?? [],
);
const CALLING_CODE_LENGTH_MAX = 3;

/** Of an e-mail address by the end of its domain, of a telephone number by its international code. */
export const countryOfContact = (contact: string): string | null => {
  const domainEnd = /@[^@\s]*\.([a-z]{2})$/i.exec(contact.trim())?.[1]?.toLowerCase();
  if (domainEnd !== undefined) return OPEN_DOMAINS.has(domainEnd) ? null : codeOf(domainEnd);
  const digits = /^(?:\+|00)([\d\s().-]+)$/.exec(contact.trim())?.[1]?.replace(/\D/g, '') ?? '';
  for (let length = 1; length <= CALLING_CODE_LENGTH_MAX; length += 1) {
    const country = CALLING_CODES[digits.slice(0, length)];
    if (country !== undefined) return country;
  }
  return null;
};

/** Of a country's name in English, or its code. */
export const countryOfName = (name: string): string | null => {
  const folded = fold(name);
  return /^[a-z]{2}$/.test(folded) ? codeOf(folded) : (codesByName().get(folded) ?? null);
};

const OTHER_NAMES: Readonly<Record<string, string>> = {
  'bosnia and herzegovina': 'BA',
  'czech republic': 'CZ',
  england: 'GB',
  'great britain': 'GB',
  holland: 'NL',
  'ivory coast': 'CI',
  macedonia: 'MK',
  'northern ireland': 'GB',
  'russian federation': 'RU',
  scotland: 'GB',
  turkey: 'TR',
  'united states of america': 'US',
  usa: 'US',
  'viet nam': 'VN',
  wales: 'GB',
};

const fold = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/[\p{M}.]/gu, '')
    .replace(/&/g, ' and ')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase()
    .replace(/^the /, '');

const NO_COUNTRY = ['EU', 'EZ', 'QO', 'UN', 'XA', 'XB', 'ZZ'];
/** Codes that are not in use any more, and UK; by name they are found to be of the country that it is today. */
const OTHER_CODES = 'AN BU CS DD DY FX HV NH RH SU TP UK VD YD YU ZR'.split(' ');
const regionNames = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** The code in use of the country that these two letters stand for. */
const codeOf = (letters: string): string | null => {
  const name = regionNames.of(letters.toUpperCase());
  return name === undefined ? null : (codesByName().get(fold(name)) ?? null);
};

let names: Map<string, string> | undefined;

/** Every name, folded, with the code in use. */
const codesByName = (): Map<string, string> => {
  names ??= new Map([
    ...allCodes().map((code) => [fold(regionNames.of(code) ?? code), code] as const),
    ...Object.entries(OTHER_NAMES),
  ]);
  return names;
};

const LETTERS = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');

const allCodes = (): string[] => {
  const left = new Set([...NO_COUNTRY, ...OTHER_CODES]);
  return LETTERS.flatMap((first) => LETTERS.map((second) => first + second)).filter(
    (code) => !left.has(code) && regionNames.of(code) !== undefined,
  );
};
