// Each way to answer in a real browser, with and without scripts, and by keyboard alone; what the browser refuses by
// itself, what the page refuses, and the countdown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APPROVER } from './handrail.js'
import { button, expectHeading, handrail, visit } from './stage.js'

/** How the form is filled in, and what the agent then gets. `send` does not go while the form is empty. */
const WAYS = {
  choose: {
    asked: { label: 'Which way?', choices: ['Standard', 'Express'] },
    fill: (page) => page.getByRole('group', { name: 'Which way?' }).or(page.getByRole('radiogroup', { name: 'Which way?' })).getByLabel('Express').check(),
    send: 'Send this answer',
    got: { status: 'approved', response_data: { chosen: 'Express' } },
  },
  text_input: {
    asked: { fields: [{ name: 'why', label: 'Why?', required: true }, { name: 'more', label: 'Anything else', placeholder: 'Perhaps' }] },
    fill: (page) => page.getByLabel('Why?').fill('Two\nlines'),
    send: 'Send this answer',
    got: { status: 'approved', response_data: { why: 'Two\nlines', more: '' } },
  },
  number_input: {
    asked: { label: 'How many?', min: 1, max: 20 },
    fill: (page) => page.getByLabel('How many?').fill('15'),
    send: 'Send this answer',
    got: { status: 'approved', response_data: { value: 15 }, response_notes: '15' },
  },
  schedule: {
    asked: { label: 'When?' },
    fill: async (page) => {
      await page.getByLabel('Date (UTC)').fill(new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10))
      await page.getByLabel('Time (UTC)').fill('09:30')
    },
    send: 'Approve for this time',
    got: { status: 'scheduled', response_data: null },
  },
  file_upload: {
    asked: { label: 'The contract', max_files: 1, accept: ['.csv'] },
    fill: (page) => page.getByLabel('The contract').setInputFiles({ name: 'a.csv', mimeType: 'text/csv', buffer: Buffer.from('a,b\n') }),
    send: 'Send this file',
    got: { status: 'approved' },
  },
}

const HEADINGS = { approved: 'Approved', scheduled: 'Approved for later', denied: 'Denied' }

for (const [type, way] of Object.entries(WAYS)) {
  for (const javaScriptEnabled of [false, true]) {
    test(`${type}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
      const { id, page: address } = await handrail.ask({ response_type: { type, ...way.asked } })
      await visit({ javaScriptEnabled }, async (page) => {
        await page.goto(address)
        // The browser itself does not send what is not filled in.
        await button(page, way.send).click()
        assert.equal(page.url(), address)
        assert.equal((await handrail.decision(id)).status, 'pending')
        await way.fill(page)
        await button(page, way.send).click()
        await expectHeading(page, HEADINGS[way.got.status])
        await page.reload()
        await expectHeading(page, HEADINGS[way.got.status])
      })
      const decision = await handrail.decision(id)
      for (const [field, value] of Object.entries(way.got)) assert.deepEqual(decision[field], value, field)
      assert.equal(decision.resolved_by, APPROVER)
    })
  }

  test(`${type}: to deny, nothing has to be filled in`, async () => {
    const { id, page: address } = await handrail.ask({ response_type: { type, ...way.asked } })
    await visit({}, async (page) => {
      await page.goto(address)
      await button(page, 'Deny').click()
      await expectHeading(page, 'Denied')
    })
    assert.equal((await handrail.decision(id)).status, 'denied')
  })
}

test('confirm has two buttons of its own', async () => {
  const { id, page: address } = await handrail.ask({ response_type: { type: 'confirm' } })
  await visit({}, async (page) => {
    await page.goto(address)
    assert.equal(await page.locator('button').count(), 2)
    await button(page, 'Decline').click()
    await expectHeading(page, 'Denied')
  })
  assert.equal((await handrail.decision(id)).status, 'denied')
})

test('now is a button where it is allowed', async () => {
  const { id, page: address } = await handrail.ask({ response_type: { type: 'schedule' } })
  await visit({}, async (page) => {
    await page.goto(address)
    await button(page, 'Approve now').click()
    await expectHeading(page, 'Approved')
  })
  assert.equal((await handrail.decision(id)).status, 'approved')
  const later = await handrail.ask({ response_type: { type: 'schedule', allow_immediate: false } })
  await visit({}, async (page) => {
    await page.goto(later.page)
    assert.equal(await button(page, 'Approve now').count(), 0)
  })
})

test('what the browser lets through and the page does not comes back at its field', async () => {
  const { id, page: address } = await handrail.ask({ response_type: { type: 'text_input', ...WAYS.text_input.asked } })
  await visit({ expected: [422] }, async (page) => {
    await page.goto(address)
    await page.getByLabel('Why?').fill('   ')
    await page.getByLabel('Anything else').fill('I was here')
    await page.getByLabel('Notes').fill('and here')
    await button(page, 'Send this answer').click()
    await page.getByRole('alert').filter({ hasText: 'Fill this in' }).waitFor()
    const field = page.getByLabel('Why?')
    assert.equal(await field.getAttribute('aria-invalid'), 'true')
    const ids = (await field.getAttribute('aria-describedby')).split(' ')
    assert.match(await page.locator(`#${ids[0]}`).innerText(), /Fill this in/)
    assert.equal(await page.getByLabel('Anything else').inputValue(), 'I was here')
    assert.equal(await page.getByLabel('Notes').inputValue(), 'and here')
    await field.fill('Now')
    await button(page, 'Send this answer').click()
    await expectHeading(page, 'Approved')
  })
  assert.deepEqual((await handrail.decision(id)).response_data, { why: 'Now', more: 'I was here' })
})

test('the keyboard is enough to choose and to send', async () => {
  const { id, page: address } = await handrail.ask({ response_type: { type: 'choose', ...WAYS.choose.asked } })
  await visit({}, async (page) => {
    await page.goto(address)
    const focused = page.locator(':focus')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.equal(await focused.getAttribute('type'), 'radio')
    await page.keyboard.press('ArrowDown')
    assert.equal(await focused.isChecked(), true)
    await page.keyboard.press('Tab')
    assert.equal(await focused.getAttribute('name'), 'notes')
    await page.keyboard.press('Tab')
    assert.equal(await focused.getAttribute('value'), 'approve')
    await page.keyboard.press('Enter')
    await expectHeading(page, 'Approved')
  })
  assert.deepEqual((await handrail.decision(id)).response_data, { chosen: 'Express' })
})

test('pictures are loaded from where the agent said, and from nowhere else', async () => {
  const images = 'https://img.example'
  const { page: address } = await handrail.ask({ context_images: [`${images}/a.png`, `${images}/b.png`] })
  await visit({ javaScriptEnabled: true, allowed: [images] }, async (page) => {
    const referrers = []
    await page.route(`${images}/**`, (route) => {
      referrers.push(route.request().headers().referer)
      return route.fulfill({ contentType: 'image/png', body: PNG })
    })
    await page.goto(address)
    for (const number of [1, 2]) {
      const picture = page.getByRole('img', { name: `Picture ${number} of 2, from the agent.` })
      await picture.scrollIntoViewIfNeeded()
      await picture.evaluate((image) => image.decode())
    }
    assert.deepEqual(referrers, [undefined, undefined])
    // The page's policy holds for whatever else would want in.
    const elsewhere = await page.evaluate(
      () => new Promise((resolve) => document.addEventListener('securitypolicyviolation', (event) => resolve(event.violatedDirective))
        || document.body.append(Object.assign(new Image(), { src: 'https://evil.example/x.png' }))),
    )
    assert.equal(elsewhere, 'img-src')
    await page.evaluate(() => document.body.lastElementChild.remove())
  }).catch((error) => {
    // The violation that this test itself causes is on the console too.
    if (!/evil\.example/.test(error.message)) throw error
  })
})

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAgH/p0yX8gAAAABJRU5ErkJggg==',
  'base64',
)

test('the time that is left is counted down, and at its end the page says so', async () => {
  const { page: address } = await handrail.ask({ timeout_minutes: 5 })
  await visit({ javaScriptEnabled: true }, async (page) => {
    await page.clock.install()
    await page.goto(address)
    const left = page.getByRole('timer')
    assert.match(await left.innerText(), /^(5 minutes|4 minutes 5\d seconds) left$/)
    await page.clock.runFor(60_000)
    assert.match(await left.innerText(), /^(4 minutes|3 minutes 5\d seconds) left$/)
    await page.clock.runFor(5 * 60_000)
    assert.equal(await left.innerText(), 'no time left')
    await page.getByRole('alert').filter({ hasText: 'The time is over.' }).waitFor()
  })
  await visit({}, async (page) => {
    await page.goto(address)
    assert.match(await page.getByRole('timer').innerText(), /^\d minutes left$/)
    assert.equal(await page.getByRole('alert').count(), 0)
  })
})

test('a request that was taken back says why, in the words of the agent', async () => {
  const { id, page: address } = await handrail.ask({ action: 'Order more paper' })
  await handrail.call('POST', `/decisions/${id}/cancel`, { reason: 'There is enough <b>paper</b>.' })
  await visit({ expected: [410] }, async (page) => {
    await page.goto(address)
    await expectHeading(page, 'The asker took it back')
    await page.getByText('There is enough <b>paper</b>.').waitFor()
  })
})
