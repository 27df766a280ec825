/**
 * A document of ours as one HTML file to be printed on A4: headings, paragraphs, lists, tables,
 * emphasis, code, links and pictures, which is what these documents are made of. Pure.
 */
const style = `
  @page { size: A4; margin: 9mm 10mm }
  body { font: 9.2px/1.3 system-ui, sans-serif; color: #1f2933; margin: 0 auto; max-width: 190mm }
  h1 { font-size: 17px; margin: 0 0 2px } p, ul, ol { margin: 2px 0 } ul, ol { padding-left: 16px }
  h2 { font-size: 11.5px; margin: 6px 0 2px; border-bottom: 1px solid #c9d1d9 }
  table { border-collapse: collapse; width: 100%; break-inside: avoid }
  th, td { text-align: left; vertical-align: top; padding: 1px 6px 1px 0 }
  tr + tr, tbody tr { border-top: 1px solid #e5e9ed } th { font-weight: 600 }
  code { font: 8.6px ui-monospace, monospace; background: #f2f4f6 } a { color: #17457f }
  @media screen { body { font-size: 14px; padding: 24px } code { font-size: 13px }
    h1 { font-size: 24px } h2 { font-size: 17px; margin-top: 16px } }`

/** @param linkTo where a link of the document leads to from the page */
export const printable = (markdown: string, linkTo = (link: string) => link): string => {
  const text = markdown.replaceAll(/<!--[\s\S]*?-->/g, '')
  const blocks = text.split(/\n{2,}|\n(?=#)/).map((block) => block.trim())
  const title = /^# (.+)$/m.exec(text)?.[1] ?? ''
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>`,
    `<style>${style}\n</style></head><body>`,
    ...blocks.filter((block) => block !== '').map((block) => blockHtml(block, linkTo)),
    '</body></html>',
    ''
  ].join('\n')
}

type LinkTo = (link: string) => string

const blockHtml = (block: string, linkTo: LinkTo): string => {
  const heading = /^(#{1,6}) (.+)$/.exec(block)
  if (heading !== null) {
    const rank = heading[1]!.length
    return `<h${rank}>${inline(heading[2]!, linkTo)}</h${rank}>`
  }
  if (block.startsWith('|')) return tableHtml(block.split('\n'), linkTo)
  const [first] = /^(- |1\. )/.exec(block) ?? []
  if (first === undefined) return `<p>${inline(block, linkTo)}</p>`
  const list = first === '- ' ? 'ul' : 'ol'
  const items = block.split(/\n(?=- |\d+\. )/).map((item) => item.replace(/^(- |\d+\. )/, ''))
  const html = items.map((item) => `<li>${inline(item, linkTo)}</li>`)
  return `<${list}>${html.join('\n')}</${list}>`
}

const tableHtml = ([head, , ...rows]: readonly string[], linkTo: LinkTo): string => {
  const cells = (row: string) => row.replaceAll(/^\||\|$/g, '').split('|').map((it) => it.trim())
  const line = (row: string, cell: string) =>
    `<tr>${cells(row).map((it) => `<${cell}>${inline(it, linkTo)}</${cell}>`).join('')}</tr>`
  const body = rows.map((row) => line(row, 'td')).join('\n')
  return `<table><thead>${line(head!, 'th')}</thead><tbody>\n${body}\n</tbody></table>`
}

/** Code first: nothing within it means anything. */
const inline = (text: string, linkTo: LinkTo): string =>
  text
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.startsWith('`') ? `<code>${escape(part.slice(1, -1))}</code>` : marked(part, linkTo)
    )
    .join('')

const marked = (text: string, linkTo: LinkTo): string =>
  escape(text)
    .replaceAll(/!\[([^\]]*)\]\(([^)]+)\)/g, (_, alt: string, link: string) => {
      return `<img alt="${alt}" src="${linkTo(link)}">`
    })
    .replaceAll(/\[([^\]]+)\]\(([^)]+)\)/g, (_, label: string, link: string) => {
      return `<a href="${linkTo(link)}">${label}</a>`
    })
    .replaceAll(/&lt;(https?:[^&]+)&gt;/g, '<a href="$1">$1</a>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replaceAll(/\*([^*]+)\*/g, '<em>$1</em>')

const escape = (of: string): string =>
  of.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
