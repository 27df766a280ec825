/**
 * The two forms of CSV files that hold reference data: a vendor's `company_info.csv`, and the form
 * of the batch loader. `docs/reference-data.md` has the columns.
 *
 * What has no field of its own is kept, as it stands, in `vendor_data`; an empty field is not.
 */
import type { ReferenceContent } from '../reference-data.ts'
import { type FormSpec, formsOf, type LoadForms, type ReadContext } from './load-forms.ts'
import { type RowFields, RowRejected } from './row-fields.ts'

const own = ['company_id', 'symbol', 'company_name'] as const

const vendorForm: FormSpec<ReferenceContent> = {
  name: "a vendor's company_info.csv",
  required: [...own, 'ISIN', 'start_date', 'end_date'],
  optional: [],
  namesSymbol: true,
  read: (fields, context) => ({
    ...common(fields, context),
    isin: isinOf(fields),
    vendor_data: filled([
      ...fields.except(new Set(vendorForm.required)),
      ['start_date', fields.date('start_date')],
      ['end_date', fields.date('end_date')]
    ])
  })
}

const loaderForm: FormSpec<ReferenceContent> = {
  name: 'reference data with the columns of K2',
  required: [...own, 'sector'],
  optional: ['founded_year'],
  namesSymbol: true,
  read: (fields, context) => {
    fields.filled('sector')
    if (!/^(?:\d{4})?$/.test(fields.text('founded_year'))) {
      throw new RowRejected(`founded_year "${fields.text('founded_year').slice(0, 40)}" is no year`)
    }
    return {
      ...common(fields, context),
      isin: null,
      vendor_data: filled(fields.except(new Set(own)))
    }
  }
}

/** The vendor's first: its columns are the rarer. */
export const referenceForms: LoadForms<ReferenceContent> = formsOf([vendorForm, loaderForm])

const common = (fields: RowFields, { source }: ReadContext) => ({
  company_id: fields.name('company_id'),
  symbol: fields.name('symbol'),
  exchange: source.exchange,
  asset_class: source.assetClass,
  company_name: fields.filled('company_name'),
  currency: source.currency,
  listing_date: null,
  delisting_date: null,
  is_active: true
})

/** @throws RowRejected unless it is an ISO 6166 number with the right check digit. */
const isinOf = (fields: RowFields): string => {
  const text = fields.filled('ISIN')
  if (isIsin(text)) return text
  throw new RowRejected(`ISIN "${text.slice(0, 40)}" is no ISIN such as AU000000BHP4`)
}

/** Letters count 10 to 35, and the digits of all have to pass the Luhn check. */
const isIsin = (text: string): boolean => {
  if (!/^[A-Z]{2}[A-Z0-9]{9}\d$/.test(text)) return false
  const digits = text.replaceAll(/[A-Z]/g, (letter) => String(Number.parseInt(letter, 36)))
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]) * (at % 2 === 0 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}

const filled = (
  entries: readonly (readonly [string, string])[]
): Readonly<Record<string, string>> | null => {
  const some = entries.filter(([, value]) => value !== '')
  return some.length === 0 ? null : Object.fromEntries(some)
}
