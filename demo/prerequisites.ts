/** What a run with Kafka needs of this machine. */
import { existsSync } from 'node:fs'
import { debianPackage, ensureDebianPackages } from '../deploy/local/install/debian-packages.ts'
import { java, javaPackage } from '../deploy/local/install/maven.ts'

export const hasJava = (): boolean => existsSync(java)

export const installJava = (): Promise<void> =>
  ensureDebianPackages([debianPackage(javaPackage, java)])

export const withoutJava: readonly string[] = [
  `Kafka needs Java, and there is no ${java}. Any of these helps:`,
  `  apt-get install -y --no-install-recommends ${javaPackage}   (as root, on Debian)`,
  '  npm run demo -- --install      does just that',
  '  npm run demo -- --embedded     needs Node alone, and kills the embedded log instead of Kafka'
]
