/**
 * Who may ask the presenter: pages of this machine that came from it. A page elsewhere cannot reach
 * it by a name of its own that resolves to 127.0.0.1, nor by a form post.
 */
export const isOwn = (request: Request, port: number): boolean => {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  const host = request.headers.get('host') ?? ''
  const origin = request.headers.get('origin')
  return hosts.includes(host) && (origin === null || hosts.some((it) => origin === `http://${it}`))
}
