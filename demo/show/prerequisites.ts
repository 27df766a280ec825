/** What the demonstration on stage, and its rehearsal, need of this machine. */
import { java, javaPackage } from '../../deploy/local/install/maven.ts'
import { hasJava, installJava } from '../prerequisites.ts'

/** Lines that say what is missing and what helps; none where all is there, or was installed. */
export const missingFor = async (options: {
  readonly program: 'rehearse' | 'present'
  readonly isKafka: boolean
  readonly installs: boolean
}): Promise<readonly string[]> => {
  const { program, isKafka, installs } = options
  if (!isKafka || hasJava()) return []
  if (installs) {
    await installJava()
    return []
  }
  return [
    `Kafka needs Java, and there is no ${java}. Any of these helps:`,
    `  apt-get install -y --no-install-recommends ${javaPackage}   (as root, on Debian)`,
    `  npm run ${program} -- --kafka --install     does just that`,
    `  npm run ${program}                          needs Node alone`
  ]
}
