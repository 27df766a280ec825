/** Headers of an answer, in their order. */
export type HeaderList = ReadonlyArray<[string, string]>

export const ifAny = (value: string | null | undefined, name: string): HeaderList =>
  value === null || value === undefined || value === '' ? [] : [[name, value]]

/** What a header can hold of a text. */
export const headerText = (text: string): string => text.replaceAll(/[^\x20-\x7e]/gu, '?')
