/**
 * What K2 remembers of the run, as a file beside the report: the page at `/` of any K2 opens it,
 * and shows each moment of it again.
 */
import { writeFileSync } from 'node:fs'
import { basename } from 'node:path'

const answerMsMax = 30_000

/** `…/report.html` → `…/report-episode.json` */
const episodeFileOf = (report: string): string =>
  `${report.replace(/\.html?$/i, '')}-episode.json`

/**
 * @returns name of the file, in the folder of the report
 * @throws Error when K2 does not answer with it, or the file cannot be written
 */
export const keepEpisode = async (k2Url: string, report: string): Promise<string> => {
  const response = await fetch(`${k2Url}/v1/system/history`, {
    signal: AbortSignal.timeout(answerMsMax)
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`its history was answered with ${response.status}: ${text}`)
  const file = episodeFileOf(report)
  writeFileSync(file, text)
  return basename(file)
}
