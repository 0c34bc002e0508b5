// An approver with a browser that runs no scripts: from the mail to the outcome.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APPROVER } from './handrail.js'
import { button, expectHeading, handrail, visit } from './stage.js'

/** From the mailbox into the mail, as a person would go. */
async function openMail(page, subject) {
  await page.goto(`${handrail.origin}/local/mail`)
  await page.getByRole('link', { name: subject }).click()
  await page.getByRole('heading', { level: 1, name: subject }).waitFor()
  return page.frameLocator('iframe')
}

async function choices(page) {
  const buttons = await page.locator('button[name=choice]').all()
  return Promise.all(buttons.map((choice) => choice.getAttribute('value')))
}

test('an approval goes from the mail to the agent', async () => {
  const { id } = await handrail.ask({ action: 'Restart the build server' })
  await visit({}, async (page) => {
    const mail = await openMail(page, /Restart the build server/)
    await mail.getByRole('link', { name: `${handrail.origin}/d/` }).click()
    await expectHeading(page, 'Your decision is needed')
    assert.deepEqual(await choices(page), ['approve', 'deny', 'modify'])
    assert.equal((await handrail.decision(id)).status, 'pending')

    await page.getByLabel('Notes').fill('After five,\nplease.')
    await button(page, 'Approve').click()
    await expectHeading(page, 'Approved')
    assert.match(await page.locator('main').innerText(), /After five,\nplease\./)

    await page.reload()
    await expectHeading(page, 'Approved')
  })
  const decision = await handrail.decision(id)
  assert.equal(decision.status, 'approved')
  assert.equal(decision.resolved_by, APPROVER)
  assert.equal(decision.response_notes, 'After five,\nplease.')
})

test('the Deny button of the mail puts Deny first, and decides nothing by itself', async () => {
  const { id } = await handrail.ask({ action: 'Delete the backups' })
  await visit({}, async (page) => {
    const mail = await openMail(page, /Delete the backups/)
    await mail.getByRole('link', { name: 'Deny…' }).click()
    await expectHeading(page, 'Your decision is needed')
    assert.deepEqual(await choices(page), ['deny', 'approve', 'modify'])
    assert.equal((await handrail.decision(id)).status, 'pending')

    await button(page, 'Deny').click()
    await expectHeading(page, 'Denied')
  })
  assert.equal((await handrail.decision(id)).status, 'denied')
})

test('a modification without notes is asked again, by the browser and by the page', async () => {
  const { id, page: address } = await handrail.ask({ action: 'Write to all customers' })
  await visit({ expected: [422] }, async (page) => {
    // Picked in the mail: the browser itself does not send the form without notes.
    await page.goto(`${address}?a=modify`)
    assert.equal(await page.locator('textarea:invalid').count(), 1)
    await button(page, 'Modify').click()
    assert.equal(page.url(), `${address}?a=modify`)

    // Not picked there: the page answers.
    await page.goto(address)
    await button(page, 'Modify').click()
    await page.getByRole('alert').filter({ hasText: 'Say in the notes what should be different.' }).waitFor()
    assert.equal((await handrail.decision(id)).status, 'pending')
    assert.deepEqual((await choices(page))[0], 'modify')

    await page.getByLabel('Notes').fill('Only those in Lisbon')
    await button(page, 'Modify').click()
    await expectHeading(page, 'Approved with changes')
  })
  const decision = await handrail.decision(id)
  assert.equal(decision.status, 'modified')
  assert.equal(decision.response_notes, 'Only those in Lisbon')
})

test('two open pages give one answer, and the second one tells whose it was', async () => {
  const { id, page: address } = await handrail.ask({ action: 'Pay the invoice' })
  await visit({ expected: [409] }, async (page) => {
    await page.goto(address)
    await visit({}, async (other) => {
      await other.goto(address)
      await button(other, 'Approve').click()
      await expectHeading(other, 'Approved')
    })
    await button(page, 'Deny').click()
    await expectHeading(page, 'Already answered')
    assert.match(await page.locator('main').innerText(), new RegExp(`Approved[^]*${APPROVER}`))
  })
  assert.equal((await handrail.decision(id)).status, 'approved')
})

test('a page that lay open past the deadline decides nothing', async () => {
  const { id, page: address } = await handrail.ask({ action: 'Sell the shares', timeout_minutes: 30 })
  await visit({ expected: [410] }, async (page) => {
    await page.goto(address)
    await expectHeading(page, 'Your decision is needed')
    await handrail.advance(30 * 60)
    await button(page, 'Approve').click()
    await expectHeading(page, 'This request has expired')

    await page.goto(address)
    await expectHeading(page, 'This request has expired')
    assert.equal(await page.locator('form').count(), 0)
  })
  assert.equal((await handrail.decision(id)).status, 'expired')
})

test('when the request goes to the backup, the first link says so and the second one answers', async () => {
  const backup = 'bea@example.com'
  const agent = await handrail.agent({ name: 'Night shift', backup_approver: backup })
  const { id, page: first } = await handrail.ask({ action: 'Open the valve', timeout_minutes: 5 }, agent)
  await handrail.advance(5 * 60)
  const mails = await handrail.call('GET', '/local/mail')
  const second = mails.find((mail) => mail.to === backup).links[0]
  await visit({ expected: [410] }, async (page) => {
    await page.goto(first)
    await expectHeading(page, 'Someone else is asked now')
    await page.goto(second)
    await button(page, 'Approve').click()
    await expectHeading(page, 'Approved')
  })
  assert.equal((await handrail.decision(id)).resolved_by, backup)
})

test('a link that was changed opens nothing', async () => {
  const { page: address } = await handrail.ask({ action: 'Change the link' })
  const changed = address.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  await visit({ expected: [404] }, async (page) => {
    const response = await page.goto(changed)
    assert.equal(response.status(), 404)
    assert.doesNotMatch(await page.content(), /Change the link/)
  })
})

test('the keyboard is enough', async () => {
  const { id, page: address } = await handrail.ask({ action: 'Rotate the keys' })
  await visit({}, async (page) => {
    await page.goto(address)
    const focused = page.locator(':focus')
    const press = async (key) => {
      await page.keyboard.press(key)
      // Whatever has the focus shows it.
      if (await focused.count()) assert.match(await outline(focused), /^solid 3px$/)
    }
    await press('Tab')
    assert.equal(await focused.textContent(), 'Skip to your answer')
    await press('Enter')
    await press('Tab')
    assert.equal(await focused.getAttribute('name'), 'notes')
    await page.keyboard.type('Tonight')
    await press('Tab')
    assert.equal(await focused.getAttribute('value'), 'approve')
    await press('Tab')
    assert.equal(await focused.getAttribute('value'), 'deny')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await expectHeading(page, 'Approved')
  })
  const decision = await handrail.decision(id)
  assert.deepEqual([decision.status, decision.response_notes], ['approved', 'Tonight'])
})

function outline(element) {
  return element.evaluate((node) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(node)
    return `${outlineStyle} ${outlineWidth}`
  })
}
