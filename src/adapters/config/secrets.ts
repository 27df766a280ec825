/** The texts of a configuration that nobody may read anywhere. */
import type { Config } from './config.ts'
import { headersIn } from './trace-settings.ts'
import { Secret } from './values.ts'

/** Those of all secret settings; of `id:secret` the secret as well, of headers their values. */
export const secretsOf = (config: Config): readonly string[] => {
  const secrets = Object.values<unknown>(config).filter((value) => value instanceof Secret)
  const keys = config.apiKeys.flatMap(({ secret }) => secret ?? [])
  const texts = [...secrets, ...keys].flatMap((secret) => {
    const text = secret.reveal()
    const [, ...rest] = text.split(':')
    return rest.length === 0 ? [text] : [text, rest.join(':')]
  })
  return [...texts, ...Object.values(headersIn(config.otlpHeaders))]
}
