/** When a card expires. The calendar is the subject here, and so today is an argument. */

/** A month of the calendar; `month` counts from 1. */
export type Month = { year: number; month: number };

/** The month of a moment, in UTC, given in milliseconds since 1970. */
export const monthOf = (wallMs: number): Month => {
  const date = new Date(wallMs);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1 };
};

const MONTH_FIRST = /^(\d{1,2})\s*[/ -]\s*(\d{4}|\d{2})$/;
const YEAR_FIRST = /^(\d{4})-(\d{1,2})$/;
const DIGITS_ONLY = /^(\d{2})(\d{4}|\d{2})$/;

/** The month that a card is valid up to, its last day included; null if the text says none. Two digits are a year of this century. */
export const expiryOf = (text: string, today: Month): Month | null => {
  const yearFirst = YEAR_FIRST.exec(text);
  if (yearFirst !== null) return monthFrom(yearFirst[2], yearFirst[1], today);
  const monthFirst = MONTH_FIRST.exec(text) ?? DIGITS_ONLY.exec(text);
  return monthFirst === null ? null : monthFrom(monthFirst[1], monthFirst[2], today);
};

const monthFrom = (monthText = '', yearText = '', today: Month): Month | null => {
  const month = Number(monthText);
  const century = yearText.length === 2 ? today.year - (today.year % 100) : 0;
  return month >= 1 && month <= 12 ? { month, year: century + Number(yearText) } : null;
};

/** Whole months from one to the other; negative if the other is the earlier one. */
export const monthsBetween = (from: Month, to: Month): number => (to.year - from.year) * 12 + to.month - from.month;
