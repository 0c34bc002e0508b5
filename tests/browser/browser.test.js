// The browser tests stand on Chromium and axe: this shows that both do what the
// other tests rely on.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { accessibilityFindings, launch, openPage, overflow } from './browser.js'

const pages = {
  '/good': `<!doctype html><html lang="en"><head><title>Approve?</title></head>
    <body><main><h1>Approve?</h1><form method="post" action="/answer">
    <label for="note">Note</label> <input id="note" name="note">
    <button name="action" value="approve">Approve</button></form></main></body></html>`,
  '/bad': `<!doctype html><html><head><title></title></head>
    <body><input name="note"><img src="data:,"></body></html>`,
  '/trouble': `<!doctype html><html lang="en"><title>Trouble</title>
    <body style="color: red"><script>alert(1)</script><img src="http://outside.invalid/x.png"><p>x</p></body></html>`,
  '/wide': `<!doctype html><html lang="en"><title>Wide</title><pre>${'x'.repeat(500)}</pre></html>`,
}

let browser, server, origin

before(async () => {
  server = createServer(async (request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('content-security-policy', "default-src 'none'; form-action 'self'; img-src data:")
    if (request.method === 'POST') {
      let body = ''
      for await (const chunk of request) body += chunk
      response.end(`<!doctype html><html lang="en"><title>Done</title><main><h1>Done</h1><p>${body}</p></main>`)
    } else {
      response.end(pages[request.url])
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${server.address().port}`
  browser = await launch()
})

after(async () => {
  await browser?.close()
  server?.closeAllConnections()
  server?.close()
})

test('a form is sent with the button that was pressed, without JavaScript', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(`${origin}/good`)
  await page.getByLabel('Note').fill('fine')
  await page.getByRole('button', { name: 'Approve' }).click()
  assert.equal(await page.locator('p').textContent(), 'note=fine&action=approve')
  await context.close()
})

test('axe passes a good page and finds what is wrong with a bad one', async () => {
  const page = await browser.newPage()
  await page.goto(`${origin}/good`)
  assert.deepEqual(await accessibilityFindings(page), [])
  await page.goto(`${origin}/bad`)
  const rules = new Set((await accessibilityFindings(page)).map((finding) => finding.split(':')[0]))
  for (const rule of ['html-has-lang', 'document-title', 'label', 'image-alt']) {
    assert.ok(rules.has(rule), `${rule} in ${[...rules]}`)
  }
  await page.close()
})

test('the browser reaches nothing outside this machine', async () => {
  const page = await browser.newPage()
  await assert.rejects(page.goto('http://outside.invalid/'), /ERR_NAME_NOT_RESOLVED/)
  await page.close()
})

test('what goes wrong on a page is noticed: markup against the policy, foreign requests, wide content', async () => {
  const { page, troubles, close } = await openPage(browser, origin, { javaScriptEnabled: true })
  await page.goto(`${origin}/good`)
  assert.deepEqual([troubles, await overflow(page)], [[], 0])
  await page.goto(`${origin}/trouble`)
  const kinds = ['style-src|inline style', 'script-src|inline script', 'outside\\.invalid']
  for (const kind of kinds) assert.match(troubles.join('\n'), new RegExp(kind))
  await page.goto(`${origin}/wide`)
  assert.ok((await overflow(page)) > 0)
  await close()
})
