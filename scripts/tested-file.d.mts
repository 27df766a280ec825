export const testedFile: (name: string) => string
