// The page of a packet that asks a person, in a real browser: with options and without, with and without scripts, by keyboard;
// what the browser and the page refuse, and what later visitors see.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AXE_RULES_OF_A_PART, wrongWith } from './browser.js'
import { APPROVER } from './handrail.js'
import { expectHeading, handrail, visit } from './stage.js'

const send = (page) => page.getByRole('button', { name: 'Send this answer' })
const answers = (page) => page.getByRole('radiogroup', { name: 'The answer' })

const inOrder = async (page, name) => assert.deepEqual(await wrongWith(page, name), [])

async function hitl(id) {
  const { hitl, status } = await handrail.packets('GET', `/${id}`)
  return { status, response: hitl.response, by: hitl.responded_by, notes: hitl.notes }
}

for (const javaScriptEnabled of [false, true]) {
  const scripts = javaScriptEnabled ? 'with' : 'without'

  test(`one of the options, ${scripts} scripts`, async () => {
    const { id, page: address } = await handrail.handOver({ options: ['yes', 'no'] })
    await visit({ javaScriptEnabled }, async (page) => {
      await page.goto(address)
      await page.getByText('Refund order 1234?').waitFor()
      await page.getByText('The customer returned both items.').waitFor()
      assert.equal(await page.locator('button').count(), 1)
      // The browser itself does not send what is not picked.
      await send(page).click()
      assert.equal((await hitl(id)).status, 'awaiting_human')
      await answers(page).getByLabel('no', { exact: true }).check()
      await page.getByLabel('Notes').fill('Two\nlines')
      await send(page).click()
      await expectHeading(page, 'Answered')
      await page.reload()
      await expectHeading(page, 'Answered')
    })
    assert.deepEqual(await hitl(id), { status: 'claimed', response: 'no', by: APPROVER, notes: 'Two\nlines' })
  })

  test(`other words than the options, ${scripts} scripts`, async () => {
    const { id, page: address } = await handrail.handOver({ options: ['yes', 'no'] })
    await visit({ javaScriptEnabled, expected: [422] }, async (page) => {
      await page.goto(address)
      await answers(page).getByLabel('yes', { exact: true }).check()
      await page.getByLabel('In your own words', { exact: true }).fill('Half of it')
      await send(page).click()
      // Both at once is no clear answer, and nothing that was typed is lost.
      await page.getByRole('alert').filter({ hasText: 'You picked an answer and wrote another one' }).waitFor()
      assert.equal(await page.getByLabel('In your own words', { exact: true }).inputValue(), 'Half of it')
      assert.equal(await answers(page).getByLabel('yes', { exact: true }).isChecked(), true)
      await answers(page).getByLabel('Another answer, in your own words').check()
      await send(page).click()
      await expectHeading(page, 'Answered')
      await page.getByText('Half of it').waitFor()
    })
    assert.equal((await hitl(id)).response, 'Half of it')
  })

  test(`nothing but words, ${scripts} scripts`, async () => {
    const { id, page: address } = await handrail.handOver()
    await visit({ javaScriptEnabled }, async (page) => {
      await page.goto(address)
      await send(page).click()
      assert.equal((await hitl(id)).status, 'awaiting_human')
      await page.getByLabel('The answer').fill('Refund it')
      await send(page).click()
      await expectHeading(page, 'Answered')
    })
    assert.equal((await hitl(id)).response, 'Refund it')
  })
}

test('the keyboard is enough', async () => {
  const { id, page: address } = await handrail.handOver({ options: ['yes', 'no'] })
  await visit({}, async (page) => {
    await page.goto(address)
    const focused = page.locator(':focus')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.equal(await focused.getAttribute('type'), 'radio')
    await page.keyboard.press('ArrowDown')
    for (const name of ['text-0', 'notes', 'choice']) {
      await page.keyboard.press('Tab')
      assert.equal(await focused.getAttribute('name'), name)
    }
    await page.keyboard.press('Enter')
    await expectHeading(page, 'Answered')
  })
  assert.equal((await hitl(id)).response, 'no')
})

test('every state of it is in order, and so is its mail', async () => {
  const long = `${'word '.repeat(30)}${'x'.repeat(40)}`
  const options = ['yes', `no ${'x'.repeat(180)}`, long.slice(0, 190)]
  const open = await handrail.handOver({ options, question: `${'x'.repeat(300)} ${long}` }, { context: { summary: long.repeat(20) } })
  const words = await handrail.handOver({}, {})
  const answered = await handrail.handOver({ options })
  await fetch(answered.page, { method: 'POST', body: new URLSearchParams({ choice: 'approve', chosen: '1', notes: long }), redirect: 'manual' })
  const first = await handrail.handOver()
  await handrail.packets('POST', `/${first.id}/respond`, { response: long, responded_by: 'tom' })
  const deleted = await handrail.handOver()
  await handrail.packets('DELETE', `/${deleted.id}`)
  const expired = await handrail.handOver({ timeout_seconds: 60 })
  await handrail.advance(60)
  for (const [name, address, status] of [
    ['with options', open.page, 200],
    ['with words', words.page, 200],
    ['from the mail', `${open.page}?a=approve`, 200],
    ['answered', answered.page, 200],
    ['answered by a program', first.page, 200],
    ['taken away', deleted.page, 410],
    ['over', expired.page, 410],
  ]) {
    await visit({ javaScriptEnabled: true, expected: [status] }, async (page) => {
      const response = await page.goto(address)
      assert.equal(response.status(), status, name)
      await inOrder(page, name)
    })
  }
  for (const [name, address, fields] of [
    ['options, sent empty', open.page, { choice: 'approve' }],
    ['words, sent empty', words.page, { choice: 'approve', 'text-0': ' ' }],
    ['an answer that came second', first.page, { choice: 'approve', 'text-0': 'late' }],
  ]) {
    const status = name.startsWith('an answer') ? 409 : 422
    await visit({ javaScriptEnabled: true, expected: [status] }, async (page) => {
      const postData = new URLSearchParams(fields).toString()
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      await page.route(address, (route) => route.continue({ method: 'POST', postData, headers }))
      const response = await page.goto(address)
      assert.equal(response.status(), status, name)
      await inOrder(page, name)
    })
  }
  await visit({ javaScriptEnabled: true }, async (page) => {
    await page.setContent(open.mail.html)
    assert.deepEqual(await wrongWith(page, 'the mail', AXE_RULES_OF_A_PART), [])
    await page.getByRole('link', { name: 'Answer…' }).waitFor()
  })
})
