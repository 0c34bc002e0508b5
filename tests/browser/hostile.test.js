// An agent that writes markup, scripts and lookalikes into everything it may write: all of it is shown as text.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, openPage } from './browser.js'
import { startHandrail } from './handrail.js'

const HOSTILE = [
  '<script>document.title = "owned"; alert(1)</script>',
  '"><img src=x onerror=alert(1)><svg onload=alert(1)>',
  '</textarea></title></style></iframe></pre><h1>Already approved</h1>',
  '<form action=https://evil.example/><button name=choice value=approve>Deny</button></form>',
  '<meta http-equiv=refresh content="0;url=https://evil.example/"><base href=https://evil.example/>',
  '<link rel=stylesheet href=https://evil.example/x.css><style>*{display:none}</style>',
  '<a href="javascript:alert(1)">Approve</a> https://evil.example/d/x',
].join(' ')

let handrail, browser, asked

before(async () => {
  ;[handrail, browser] = await Promise.all([startHandrail(), launch()])
  const agent = await handrail.agent({ name: '<b onmouseover=steal()>Handrail</b>' })
  const callback_url = `${handrail.origin}/local/hooks/in/${encodeURIComponent('<img src=x onerror=alert(1)>')}`
  asked = await handrail.ask({ action: HOSTILE, context: `${HOSTILE}\n${HOSTILE}`, callback_url }, agent)
})

after(async () => {
  await browser?.close()
  await handrail?.stop()
})

/** With scripts allowed, so that only the page itself can keep them off. */
async function look(act) {
  const { page, troubles, close } = await openPage(browser, handrail.origin, { javaScriptEnabled: true })
  try {
    await act(page)
    for (const frame of page.frames()) {
      // The one script of ours stands at the end of the page that asks.
      const planted = 'script:not(body > footer + script), img, svg[onload], b[onmouseover], meta[http-equiv], link[rel=stylesheet], form[action*=evil], a[href*=evil], a[href^=javascript]'
      assert.equal(await frame.locator(planted).count(), 0, `${frame.url()} has what the agent planted`)
      assert.equal(await frame.getByRole('heading', { name: 'Already approved' }).count(), 0)
    }
    assert.doesNotMatch(await page.title(), /owned/)
    assert.deepEqual(troubles, [])
  } finally {
    await close()
  }
}

test('in the mailbox', () =>
  look(async (page) => {
    await page.goto(`${handrail.origin}/local/mail`)
    await page.getByText('<script>').first().waitFor()
  }))

test('in the mail', () =>
  look(async (page) => {
    await page.goto(`${handrail.origin}/local/mail/${asked.mail.id}`)
    await page.frameLocator('iframe').getByText('<script>').first().waitFor()
  }))

test('on the page that asks, where what it wrote stays in its box', () =>
  look(async (page) => {
    await page.goto(asked.page)
    const box = page.getByRole('region', { name: 'The agent wrote:' })
    await box.getByText('onerror=alert(1)').first().waitFor()
    assert.equal(await box.locator('a, button, input, form').count(), 0)
    assert.equal(await page.locator('button').count(), 3)
    const outside = await page.evaluate(() => {
      const copy = document.body.cloneNode(true)
      copy.querySelector('section.agent').remove()
      return copy.textContent
    })
    assert.doesNotMatch(outside, /alert|evil|Already approved/)
  }))

test('in what it asks to be filled in, which stays in boxes of its own', () =>
  look(async (page) => {
    const text = HOSTILE.slice(0, 190)
    const types = [
      { type: 'choose', label: text, choices: [text, 'b'] },
      { type: 'text_input', label: text, fields: [{ name: 'x', label: text, placeholder: text }] },
      { type: 'number_input', label: text, placeholder: text },
      { type: 'file_upload', label: text },
      { type: 'schedule', label: text },
    ]
    for (const response_type of types) {
      const { page: address } = await handrail.ask({ response_type })
      await page.goto(address)
      await page.getByText('<script>document').first().waitFor()
      const outside = await page.evaluate(() => {
        const copy = document.body.cloneNode(true)
        for (const box of copy.querySelectorAll('.agent')) box.remove()
        return copy.textContent
      })
      assert.doesNotMatch(outside, /alert|evil|owned/, response_type.type)
    }
  }))

test('in the notes, on the outcome and in the list of calls', () =>
  look(async (page) => {
    await page.goto(asked.page)
    await page.getByLabel('Notes').fill(HOSTILE)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { level: 1, name: 'Approved', exact: true }).waitFor()
    await page.getByText('onerror=alert(1)').first().waitFor()
    await handrail.settle()
    await page.goto(`${handrail.origin}/local/hooks`)
    await page.locator('[data-call]').getByText('onerror').first().waitFor()
  }))

test('a program that answers for it gets the very bytes back', async () => {
  const decision = await handrail.decision(asked.id)
  assert.equal(decision.action, HOSTILE)
  assert.equal(decision.response_notes, HOSTILE)
})
