/** What demonstrations need of this machine beyond Node: programs, all of them of Debian. */
import { existsSync } from 'node:fs'
import { debianPackage, ensureDebianPackages } from '../deploy/local/install/debian-packages.ts'
import { java, javaPackage } from '../deploy/local/install/maven.ts'

export const chromium = process.env['K2_CHROMIUM'] ?? '/usr/bin/chromium'
/** It runs as root, on machines without a display, and asks nobody elsewhere anything. */
export const chromiumLaunch = {
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu']
}
export const ffmpeg = '/usr/bin/ffmpeg'

const packages = {
  kafka: [javaPackage, java],
  browser: ['chromium', chromium],
  video: ['ffmpeg', ffmpeg]
} as const

export type Need = keyof typeof packages

interface Wanted {
  readonly needs: readonly Need[]
  readonly installs: boolean
  /** Commands that help, and what each does. */
  readonly otherwise: readonly (readonly [command: string, does: string])[]
  /** Told what is being installed. */
  readonly note: (text: string) => void
}

/** Lines that say what is missing and what helps; none where all is there, or was installed. */
export const missingPrograms = async (wanted: Wanted): Promise<readonly string[]> => {
  const missing = wanted.needs.map((need) => packages[need]).filter(([, file]) => !existsSync(file))
  if (missing.length === 0) return []
  const names = missing.map(([name]) => name).join(' ')
  if (wanted.installs) {
    wanted.note(`installing ${names}`)
    await ensureDebianPackages(missing.map(([name, file]) => debianPackage(name, file)))
    return []
  }
  const byHand = `apt-get install -y --no-install-recommends ${names}`
  const ways = [[byHand, 'as root, on Debian'] as const, ...wanted.otherwise]
  const width = Math.max(...ways.map(([command]) => command.length))
  return [
    `there is no ${missing.map(([, file]) => file).join(', no ')}. Any of these helps:`,
    ...ways.map(([command, does]) => `  ${command.padEnd(width)}   ${does}`)
  ]
}
