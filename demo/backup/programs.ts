/** What the recording needs of this machine beyond Node. */
import { existsSync } from 'node:fs'
import { debianPackage, ensureDebianPackages } from '../../deploy/local/install/debian-packages.ts'
import { java, javaPackage } from '../../deploy/local/install/maven.ts'

export const chromium = process.env['K2_CHROMIUM'] ?? '/usr/bin/chromium'
/** It runs as root, on machines without a display, and asks nobody elsewhere anything. */
export const chromiumLaunch = {
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu']
}
export const ffmpeg = '/usr/bin/ffmpeg'

/** Lines that say what is missing and what helps; none where all is there, or was installed. */
export const missingPrograms = async (options: {
  readonly isKafka: boolean
  readonly installs: boolean
}): Promise<readonly string[]> => {
  const { isKafka, installs } = options
  const needed = [
    ['chromium', chromium],
    ['ffmpeg', ffmpeg],
    ...(isKafka ? [[javaPackage, java] as const] : [])
  ] as const
  const missing = needed.filter(([, file]) => !existsSync(file))
  if (missing.length === 0) return []
  if (installs) {
    await ensureDebianPackages(missing.map(([name, file]) => debianPackage(name, file)))
    return []
  }
  const names = missing.map(([name]) => name).join(' ')
  return [
    `there is no ${missing.map(([, file]) => file).join(', no ')}. Any of these helps:`,
    `  apt-get install -y --no-install-recommends ${names}   (as root, on Debian)`,
    `  npm run backup -- ${isKafka ? '--kafka ' : ''}--install`
  ]
}
