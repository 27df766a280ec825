import { K2Client, K2Problem } from 'k2/client'

/** The newest trades, one candle, a count in SQL, and what goes wrong, as lines. */
export const lookAround = async (url: string): Promise<readonly string[]> => {
  const k2 = new K2Client({ url })

  const { data: trades } = await k2.request('GET /v1/trades', { query: { limit: 3 } })
  // Decimals are text, to the last digit: '61837.63000000'.
  const lines = trades.map(({ symbol, quantity, price }) => `${symbol} ${quantity} @ ${price}`)

  const symbol = trades[0]?.symbol ?? 'BTCUSDT'
  const query = { symbol, interval: '1m', limit: 1 } as const
  const { data: candles } = await k2.request('GET /v1/candles', { query })
  for (const { open_price, close_price, volume, state } of candles)
    lines.push(`${symbol} ${open_price} to ${close_price}, ${volume} traded, ${state}`)

  const body = { sql: 'SELECT count(*) AS trades, sum(quantity) AS volume FROM trades' }
  const { data: rows } = await k2.request('POST /v1/sql', { body })
  lines.push(`${String(rows[0]?.['trades'])} trades, volume ${String(rows[0]?.['volume'])}`)

  try {
    await k2.request('GET /v1/trades', { query: { start_time: 'yesterday' } })
  } catch (error) {
    if (!(error instanceof K2Problem) || error.code !== 'invalid_parameters') throw error
    for (const { field, remedy } of error.errors) lines.push(`${field}: ${remedy}`)
  }
  return lines
}
