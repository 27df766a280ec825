import { describe, expect, test } from 'vitest'
import { messageId, sequenceKey, topicName, tradeId } from '../../src/market/instrument.ts'

test('names of topics and trades', () => {
  expect(topicName('crypto', 'trades', 'BINANCE')).toBe('market.crypto.trades.binance')
  expect(messageId('BINANCE', 'BTCUSDT', 7)).toBe('BINANCE:BTCUSDT:7')
  expect(messageId('BINANCE', 'BTCUSDT', 7, 2)).toBe('BINANCE:BTCUSDT:2.7')
  expect(tradeId('BINANCE', 7)).toBe('BINANCE-7')
})

describe('which sequence a message id belongs to', () => {
  test.each([
    ['BINANCE:BTCUSDT:7', 7, 'BINANCE:BTCUSDT'],
    ['BINANCE:BTCUSDT:0123456789ab-7', 7, 'BINANCE:BTCUSDT:0123456789ab'],
    ['BINANCE:BTCUSDT:8', 7, undefined],
    ['BINANCE:BTCUSDT:0123456789ab-8', 7, undefined],
    ['BINANCE:BTCUSDT:0123456789a-7', 7, undefined],
    ['BINANCE:BTCUSDT:0123456789AB-7', 7, undefined],
    ['BINANCE:ETHUSDT:7', 7, undefined],
    ['BINANCE:BTCUSDT:null', null, undefined],
    ['', 7, undefined]
  ])('%s with sequence %s', (message_id, source_sequence, key) => {
    const record = { message_id, exchange: 'BINANCE', symbol: 'BTCUSDT', source_sequence }
    expect(sequenceKey(record)).toBe(key)
  })
})
