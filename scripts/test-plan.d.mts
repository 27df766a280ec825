export interface Durations {
  readonly workers: number
  readonly otherSeconds: number
  readonly seconds: Readonly<Record<string, number>>
}
export const longSeconds: number
export const core: readonly string[]
export const planFor: (options: {
  readonly commit: string
  readonly files: readonly string[]
  readonly durations: Durations
  readonly budgetSeconds: number
}) => { readonly left: string[]; readonly expectedSeconds: number }
export const learned: (options: {
  readonly report: {
    readonly startTime: number
    readonly testResults: readonly {
      readonly name: string
      readonly startTime: number
      readonly endTime: number
    }[]
  }
  readonly before: Durations
  readonly workers: number
}) => Durations
