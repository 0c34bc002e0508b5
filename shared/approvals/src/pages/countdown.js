(() => {
  const left = document.getElementById('left')
  const end = Date.now() + Number(left.dataset.ms)
  const unit = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`
  const pair = (s, large, noun, small, lesser) => {
    const rest = Math.floor((s % large) / small)
    return unit(Math.floor(s / large), noun) + (rest ? ' ' + unit(rest, lesser) : '')
  }
  const words = (s) => {
    if (s < 60) return unit(s, 'second')
    if (s < 600) return pair(s, 60, 'minute', 1, 'second')
    if (s < 3600) return unit(Math.floor(s / 60), 'minute')
    if (s < 86400) return pair(s, 3600, 'hour', 60, 'minute')
    return pair(s, 86400, 'day', 3600, 'hour')
  }
  const tick = () => {
    const s = Math.ceil((end - Date.now()) / 1000)
    if (s <= 0) {
      left.textContent = 'no time left'
      document.getElementById('over').hidden = false
      return
    }
    left.textContent = words(s) + ' left'
    setTimeout(tick, s > 600 ? 15000 : 1000)
  }
  tick()
})()
