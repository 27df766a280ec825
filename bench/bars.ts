/** What a figure should reach, and whether it does. Pure; judged is the median of the runs. */

export interface Bar {
  readonly better: 'more' | 'less'
  /** Less good than this is missed; the aim itself where there is no other floor. */
  readonly floor: number
  readonly aim: number
}

export type Verdict = 'met' | 'floor met' | 'missed'

export const atLeast = (aim: number, floor = aim): Bar => ({ better: 'more', floor, aim })

export const atMost = (aim: number): Bar => ({ better: 'less', floor: aim, aim })

export const verdictOf = ({ better, floor, aim }: Bar, value: number): Verdict => {
  const reaches = (bound: number) => (better === 'more' ? value >= bound : value <= bound)
  if (reaches(aim)) return 'met'
  return reaches(floor) ? 'floor met' : 'missed'
}

export const barText = ({ better, floor, aim }: Bar): string => {
  const sign = better === 'more' ? '≥' : '≤'
  const bound = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 4 })
  return floor === aim ? `${sign} ${bound(aim)}` : `${sign} ${bound(floor)}, aim ${bound(aim)}`
}
