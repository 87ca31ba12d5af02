/** How product names are compared. */

/**
 * The form in which two spellings of one product's name are equal: composed Unicode, lower case. Lower case of composed
 * text is not always composed, hence twice.
 */
export const foldName = (name: string): string =>
  ASCII.test(name) ? name.toLowerCase() : name.normalize('NFC').toLowerCase().normalize('NFC');

/** Always composed. */
const ASCII = /^[ -~]*$/;
