/** Pictures with their times and captions as a video that any browser plays: H.264 in MP4. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ffmpeg } from '../prerequisites.ts'
import { type Spoken, srtOf } from './captions.ts'
import type { Frame } from './screencast.ts'

const framesPerSecond = 10
const outputBytesMax = 16 * 1_024 ** 2

export interface VideoOptions {
  readonly frames: readonly Frame[]
  /** When the first picture of the video was shown, and when it ends, Unix ms. */
  readonly fromMs: number
  readonly toMs: number
  readonly spoken: readonly Spoken[]
  /** For what is needed in between. */
  readonly folder: string
  readonly file: string
}

/** Seconds that it lasts, as it says itself. */
export const makeVideo = async (options: VideoOptions): Promise<number> => {
  const { folder, file, spoken } = options
  const [list, captions] = [join(folder, 'frames.txt'), join(folder, 'captions.srt')]
  await writeFile(list, concatOf(options))
  await writeFile(captions, srtOf(spoken))
  await run([
    '-hide_banner', '-loglevel', 'error', '-y',
    '-f', 'concat', '-safe', '0', '-i', list,
    '-i', captions,
    '-map', '0:v', '-map', '1:s',
    '-vf', 'scale=trunc(iw/2)*2:trunc(ih/2)*2',
    '-r', String(framesPerSecond),
    '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26', '-pix_fmt', 'yuv420p',
    '-c:s', 'mov_text', '-metadata:s:s:0', 'language=eng',
    '-movflags', '+faststart',
    file
  ])
  return secondsOf(file)
}

/** As ffmpeg's concat demuxer reads it: each picture for as long as it was shown. */
export const concatOf = ({
  frames,
  fromMs,
  toMs
}: Pick<VideoOptions, 'frames' | 'fromMs' | 'toMs'>): string => {
  const shown = frames.flatMap(({ file, atMs }, index) => {
    const startMs = Math.max(fromMs, index === 0 ? fromMs : atMs)
    const endMs = Math.min(toMs, frames[index + 1]?.atMs ?? toMs)
    return endMs > startMs ? [{ file, seconds: (endMs - startMs) / 1_000 }] : []
  })
  const lines = shown.map(
    ({ file, seconds }) => `file '${file.replaceAll("'", String.raw`'\''`)}'\nduration ${seconds}`
  )
  // The demuxer takes the last duration only of what is followed by another picture.
  const last = lines.at(-1)?.split('\n')[0]
  return `ffconcat version 1.0\n${[...lines, ...(last === undefined ? [] : [last])].join('\n')}\n`
}

const run = async (args: readonly string[], program = ffmpeg): Promise<string> => {
  const { stdout } = await promisify(execFile)(program, [...args], { maxBuffer: outputBytesMax })
  return stdout
}

const secondsOf = async (file: string): Promise<number> => {
  const asked = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file]
  const seconds = Number(await run(asked, ffmpeg.replace(/ffmpeg$/, 'ffprobe')))
  if (!(seconds > 0)) throw new Error(`${file} has no duration`)
  return seconds
}
