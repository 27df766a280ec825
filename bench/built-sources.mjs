/** A module hook: an import of `src/x.ts` loads `dist/x.js`. */
const sources = new URL('../src/', import.meta.url).href
const built = new URL('../dist/', import.meta.url).href

export const resolve = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context)
  const [path] = resolved.url.split('?')
  if (!path.startsWith(sources) || !path.endsWith('.ts')) return resolved
  const url = `${built}${path.slice(sources.length, -'.ts'.length)}.js`
  return { url, format: 'module', shortCircuit: true }
}
