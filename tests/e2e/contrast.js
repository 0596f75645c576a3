// Texts on the page that are harder to read than WCAG 2.2 AA allows: [[text, ratio], ...]. Opacity counts.
() => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = (color) => { // any notation, as the browser draws it
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) layers.push(parse(getComputedStyle(p).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(' ').trim();
    const style = getComputedStyle(e);
    if (!text || !e.offsetParent || e.closest('.disabled, [disabled], script, style, noscript')) continue;
    let opacity = 1;
    for (let p = e; p; p = p.parentElement) opacity *= Number(getComputedStyle(p).opacity);
    if (opacity < 0.05) continue;
    const ground = behind(e);
    const ink = parse(style.color);
    const shown = over([...ink.slice(0, 3), ink[3] * opacity], ground);
    const [high, low] = [light(shown), light(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || e.classList.contains('q-icon');
    if (ratio < (large ? 3 : 4.5)) found.push([text.slice(0, 60), Number(ratio.toFixed(2))]);
  }
  return found;
}
