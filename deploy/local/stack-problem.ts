/** What keeps a stack from doing what it was asked to: says what, where, and what helps. */
export class StackProblem extends Error {
  override readonly name = 'StackProblem'
}
