/** Which exchange counts its days in which time zone (R51). */
import type { TradingZones } from '../../market/trading-day.ts'
import { type Kind, ok, refuse } from './values.ts'

const entry = /^([A-Za-z0-9_-]{1,32})=([A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*)$/

/** Comma-separated `EXCHANGE=Zone`, none twice. */
export const tradingZones = (countMax: number): Kind<TradingZones> => ({
  unit: 'list of EXCHANGE=Zone',
  parse: (text) => {
    const zones = new Map<string, string>()
    for (const part of text.split(',').map((it) => it.trim()).filter((it) => it !== '')) {
      const [, exchange, zone] = entry.exec(part) ?? []
      if (exchange === undefined || zone === undefined || !isZone(zone)) {
        return refuse(
          `a comma-separated list; "${part}" should be an exchange and a time zone of the IANA ` +
            'database, such as ASX=Australia/Sydney'
        )
      }
      const code = exchange.toUpperCase()
      if (zones.has(code)) return refuse(`a list without repeats; ${code} stands in it twice`)
      zones.set(code, zone)
    }
    return zones.size <= countMax ? ok(zones) : refuse(`a list of at most ${countMax} exchanges`)
  }
})

const isZone = (timeZone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
