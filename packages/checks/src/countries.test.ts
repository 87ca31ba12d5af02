import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkDigitOf } from '../test/sound.ts';
import { countryOfCard, countryOfContact, countryOfName } from './countries.ts';

test('a country by its name, its code, or another name that people use', () => {
  for (const [name, code] of [
    ['Estonia', 'EE'],
    ['estonia ', 'EE'],
    ['EE', 'EE'],
    ['ee', 'EE'],
    ['Germany', 'DE'],
    ['United States', 'US'],
    ['U.S.A.', 'US'],
    ['The Netherlands', 'NL'],
    ['Côte d’Ivoire', 'CI'],
    ["Cote d'Ivoire", 'CI'],
    ['Türkiye', 'TR'],
    ['Turkey', 'TR'],
    ['United Kingdom', 'GB'],
    ['UK', 'GB'],
    ['England', 'GB'],
    ['Bosnia & Herzegovina', 'BA'],
    ['Bosnia and Herzegovina', 'BA'],
    ['South Korea', 'KR'],
    ['Russia', 'RU'],
    ['SU', 'RU'],
  ] as const) {
    assert.is(countryOfName(name), code, name);
  }
});

test('what is no country tells nothing', () => {
  for (const name of ['', 'Wonderland', 'European Union', 'EU', 'ZZ', 'QQ', '99', '__proto__', 'constructor']) {
    assert.is(countryOfName(name), null, name);
  }
});

test('a contact tells by the end of its address, or its calling code', () => {
  for (const [contact, code] of [
    ['kim@example.ee', 'EE'],
    ['kim@shop.example.de', 'DE'],
    ['KIM@EXAMPLE.CO.UK', 'GB'],
    ['+372 5555 5555', 'EE'],
    ['00372 5555 5555', 'EE'],
    ['+49 (30) 123-456', 'DE'],
    ['+420.123', 'CZ'],
  ] as const) {
    assert.is(countryOfContact(contact), code, contact);
  }
});

test('a contact that could be of anywhere tells nothing', () => {
  const anywhere = [
    '',
    'kim',
    'kim@example.com',
    'kim@example.io',
    'kim@example.eu',
    'kim@example.zz',
    '5555 5555',
    '+1 212',
    '+',
  ];
  for (const contact of [...anywhere, '+constructor', 'kim.ee', '@', 'kim@localhost']) {
    assert.is(countryOfContact(contact), null, contact);
  }
});

test('a card tells if its scheme is of one country', () => {
  const numbered = (body: string): string => body + checkDigitOf(body);
  assert.is(countryOfCard(numbered('220000000000000')), 'RU');
  assert.is(countryOfCard(numbered('979200000000000')), 'TR');
  assert.is(countryOfCard(numbered('606282000000000')), 'BR');
  assert.is(countryOfCard(numbered('453957876362148')), null);
  assert.is(countryOfCard('not a card'), null);
});

test('any text at all tells a country or nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const country of [countryOfCard(text), countryOfContact(text), countryOfName(text)]) {
        assert.ok(country === null || /^[A-Z]{2}$/.test(country));
      }
    }),
  );
});

test.run();
