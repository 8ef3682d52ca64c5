/** Something that was given can't be used: what, where, and what to do. */
export class WeirError extends Error {
  constructor({ message, option, position, remedy }, more) {
    super(message, more);
    this.name = 'WeirError';
    this.option = option;
    this.position = position;
    this.remedy = remedy;
  }
}
