// The browser tests stand on Chromium and axe: this shows that both do what the
// other tests rely on.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { accessibilityFindings, launch } from './browser.js'

const pages = {
  '/good': `<!doctype html><html lang="en"><head><title>Approve?</title></head>
    <body><main><h1>Approve?</h1><form method="post" action="/answer">
    <label for="note">Note</label> <input id="note" name="note">
    <button name="action" value="approve">Approve</button></form></main></body></html>`,
  '/bad': `<!doctype html><html><head><title></title></head>
    <body><input name="note"><img src="data:,"></body></html>`,
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
