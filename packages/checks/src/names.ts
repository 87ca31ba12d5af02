/** The checks of a checkout, as settings, services and metrics call them. */
export const checkNames = Object.freeze(['verification', 'fraud', 'suggestions'] as const);
export type CheckName = (typeof checkNames)[number];
