// The pages that only a laptop has: the first page, the mailbox, the webhooks.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { launch, openPage } from './browser.js'
import { startHandrail } from './handrail.js'

let handrail, browser, page, troubles, close

before(async () => {
  handrail = await startHandrail()
  browser = await launch()
  ;({ page, troubles, close } = await openPage(browser, handrail.origin, { expected: [404] }))
})

after(async () => {
  await close?.()
  await browser?.close()
  await handrail?.stop()
})

test('an empty mailbox and an empty list of calls say how to fill them', async () => {
  await page.goto(`${handrail.origin}/local/mail`)
  await page.getByText('No mail yet.').waitFor()
  await page.goto(`${handrail.origin}/local/hooks`)
  await page.getByText('Nothing was sent yet.').waitFor()
  await page.getByText('Nothing was received yet.').waitFor()
  assert.deepEqual(troubles, [])
})

test('the command on the first page works as it stands', async () => {
  await page.goto(handrail.origin)
  await page.getByRole('heading', { level: 1, name: 'Handrail runs on this machine' }).waitFor()
  const command = await page.locator('[data-curl]').innerText()
  const made = JSON.parse(execFileSync('bash', ['-c', command], { encoding: 'utf8' }))
  assert.equal(made.status, 'pending')
  await handrail.settle()

  await page.getByRole('navigation').getByRole('link', { name: 'Mail' }).click()
  assert.equal(await page.locator('[data-mail]').count(), 1)
  assert.match(await page.locator('[data-mail]').innerText(), /Refund order 1234[^]*you@example\.com/)
  assert.deepEqual(troubles, [])
})

test('the mail shows its text, its HTML and its links', async () => {
  await page.goto(`${handrail.origin}/local/mail`)
  await page.locator('[data-mail] a').click()
  const links = await page.locator('[data-link]').evaluateAll((all) => all.map((link) => link.dataset.link))
  assert.deepEqual(links, ['page', 'approve', 'deny', 'modify'])
  const html = page.frameLocator('iframe')
  await html.getByRole('heading', { name: 'Your decision is needed' }).waitFor()
  assert.match(await page.locator('pre').innerText(), /^> Refund order 1234 \(80 EUR\)$/m)
  assert.deepEqual(troubles, [])
})

test('an answer brings a signed call, and both ends of it are shown', async () => {
  await page.goto(`${handrail.origin}/local/mail`)
  await page.locator('[data-mail] a').click()
  await page.locator('[data-link=approve]').click()
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { level: 1, name: 'Approved' }).waitFor()
  await handrail.settle()

  await page.goto(`${handrail.origin}/local/hooks`)
  assert.equal(await page.locator('[data-delivery]').getAttribute('data-status'), 'delivered')
  const call = page.locator('[data-call=try]')
  await call.locator('summary').click()
  const shown = await call.innerText()
  for (const part of [/^x-handover-signature: sha256=[0-9a-f]{64}$/m, /^webhook-signature: v1,/m, /"approved"/]) {
    assert.match(shown, part)
  }
  assert.deepEqual(troubles, [])
})

test('a clock that was moved says so on the first page', async () => {
  await handrail.advance(90)
  await page.goto(handrail.origin)
  await page.getByText('moved ahead by 90 s').waitFor()
  assert.deepEqual(troubles, [])
})

test('a mail that is not there is not a blank page', async () => {
  const response = await page.goto(`${handrail.origin}/local/mail/msg_nothing`)
  assert.equal(response.status(), 404)
  await page.getByText('There is no mail.').waitFor()
  assert.deepEqual(troubles, [])
})
