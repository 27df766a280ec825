/** An episode as a file: what was seen, to be opened later or elsewhere. */
import { parseEpisode } from './parse-episode.ts'
import type { Recording } from './recording.ts'

const bytesMax = 256 * 1_024 * 1_024

export const saveEpisode = (recording: Recording): void => {
  const blob = new Blob([JSON.stringify(recording.episode())], { type: 'application/json' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = `k2-episode-${new Date(recording.now.at).toISOString().replaceAll(':', '-')}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000)
}

/** @throws Error that says what is wrong with the file */
export const readEpisode = async (file: Blob): Promise<Recording> => {
  if (file.size > bytesMax) throw new Error('the file is too large for an episode')
  return parseEpisode(await file.text())
}
