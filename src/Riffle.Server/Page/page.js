// Sends each picture to v1/classify by itself, so that answers come one by one.

const TOP = 5;
const AT_ONCE = 4;
const FEW = 12; // classes that are shown without a click
const PREVIEW = 720; // pixels of the longer side

const $ = id => document.getElementById(id);
const verdicts = { notSure: 'Not sure. The likeliest:', noneOfTheClasses: 'Probably none of these:' };
const list = $('cards'), camera = $('camera'), video = camera.querySelector('video');
const cards = () => [...list.children].map(element => element.card);
let models = [], model, needsKey = false;
let queue = [], running = 0, busyUntil = 0;

const percent = share => share > 0 && share < .0005 ? '< 0.1 %' : share < 1 && share >= .9995 ? '> 99.9 %' : `${(100 * share).toFixed(1)} %`;
const number = value => value.toLocaleString('en');
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
const bytes = size => size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`;
const time = ms => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...content);
  return element;
}

// ---- The server

/** Asks the server; status 401 asks the user for the key. */
async function ask(path, options) {
  const key = sessionStorage.getItem('riffle-key');
  const response = await fetch(path, { ...options, headers: key ? { 'X-API-Key': key } : {} });
  if (response.status === 401) {
    needsKey = true;
    $('access').hidden = false;
    $('access').firstElementChild.textContent = key ? 'The server does not know this key. Try another one.' : 'This server asks for a key.';
    $('key').focus();
  }

  return response;
}

/** The answer's document; throws what an error says. */
async function read(response) {
  const answer = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new Error(answer.error ?? `The server answered with status ${response.status}.`);
  return answer;
}

$('access').onsubmit = event => {
  event.preventDefault();
  sessionStorage.setItem('riffle-key', $('key').value);
  $('key').value = '';
  $('access').hidden = true;
  needsKey = false;
  model ? pump() : loadModels();
};

async function loadModels() {
  try {
    ({ models } = await read(await ask('v1/models')));
  } catch (error) {
    $('facts').textContent = needsKey ? '' : error instanceof TypeError ? 'The server can’t be reached.' : error.message;
    return;
  }

  $('model').replaceChildren(...models.map(({ name }) => new Option(name)));
  $('choice').hidden = models.length < 2;
  models.length ? choose(models[0]) : $('facts').textContent = 'No model is loaded.';
}

/** Shows what a model knows, and asks it about all pictures. */
function choose(chosen) {
  model = chosen;
  const { name, network, size, classes, doubt, heatMap } = model, areFew = classes.length <= FEW, known = $('known');
  $('facts').textContent = `${name}: the network ${network} sees pictures at ${size} × ${size} pixels.${doubt ? ' It says when it is not sure.' : ''}`;
  $('heats').hidden = !heatMap;
  known.hidden = false;
  known.classList.toggle('few', areFew);
  known.open = $('find').hidden = areFew;
  known.querySelector('summary').textContent = `It knows ${count(classes.length, 'class', 'classes')}`;
  known.querySelector('ul').replaceChildren(...classes.map(label => make('li', '', label)));
  $('find').value = '';
  queue = [];
  cards().forEach(card => card.start());
  pump();
}

$('model').onchange = () => choose(models[$('model').selectedIndex]);

$('find').oninput = () => {
  const wanted = $('find').value.trim().toLowerCase();
  for (const item of $('known').querySelectorAll('li'))
    item.hidden = !item.textContent.toLowerCase().includes(wanted);
};

// ---- Pictures wait their turn

function add(files) {
  const added = [...files].map(file => new Card(file));
  list.prepend(...added.map(card => card.element));
  $('zone').classList.add('small');
  $('problem').textContent = '';
  pump();
}

/** Sends what waits, a few at a time. */
function pump() {
  const isBusy = Date.now() < busyUntil;
  while (model && !needsKey && !isBusy && running < AT_ONCE && queue.length > 0) {
    running++;
    queue.shift().classify().finally(() => {
      running--;
      pump();
    });
  }

  const all = cards(), done = all.filter(card => card.answer || card.error), failed = done.filter(card => card.error);
  $('tools').hidden = all.length === 0;
  $('save').disabled = done.length === 0;
  $('progress').textContent = (done.length < all.length ? `${number(done.length)} of ` : '') + count(all.length, 'picture')
    + (failed.length ? `, ${number(failed.length)} failed` : '') + (isBusy ? '; the server is busy' : '');
}

/** For screen readers; of many pictures only the last, for nobody could follow. */
function say(text) {
  if (queue.length <= AT_ONCE)
    $('said').append(make('p', '', text));
}

// ---- Cards

/** A copy of a picture or of what the camera sees. */
function copy(source, width, height, type, quality) {
  const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
  [canvas.width, canvas.height] = [width, height];
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, width, height);
  return new Promise(resolve => canvas.toBlob(resolve, type, quality));
}

let before = Promise.resolve();

/** A small copy, and its sides' ratio; null if the browser can't decode it. One after the other, so that only one is large in memory. */
function preview(file) {
  return before = before.then(async () => {
    const image = await createImageBitmap(file).catch(() => null);
    if (!image)
      return null;
    const { width, height } = image, scale = Math.min(1, PREVIEW / Math.max(width, height));
    const small = await copy(image, Math.ceil(width * scale), Math.ceil(height * scale), 'image/webp', .85);
    image.close();
    return [small, width / height];
  });
}

class Card {
  constructor(file) {
    this.file = file;
    this.heats = $('heats').ariaPressed === 'true';
    this.element = $('card').content.firstElementChild.cloneNode(true);
    this.find('h2').textContent = this.find('h2').title = file.name;
    this.find('.photo').alt = `The picture ${file.name}`;
    const [remove, warm, again] = this.element.querySelectorAll('button');
    remove.ariaLabel = `Remove ${file.name}`;
    remove.onclick = () => this.remove();
    warm.ariaLabel = `Heat map of ${file.name}`;
    warm.onclick = () => this.warm(!this.heats);
    again.onclick = () => {
      this.start();
      pump();
    };
    this.element.card = this;
    this.draw();
    this.start();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  async draw() {
    const [small, ratio] = await preview(this.file) ?? [], photo = this.find('.photo');
    if (!small)
      return photo.replaceWith('No preview');
    this.shape(ratio);
    photo.onload = photo.onerror = () => URL.revokeObjectURL(photo.src);
    photo.src = URL.createObjectURL(small);
  }

  shape(ratio) {
    this.find('.frame').style.setProperty('--ratio', ratio);
  }

  /** Gets in line; forgets the answer of another model or an error. */
  start() {
    this.stop?.abort();
    this.stop = new AbortController();
    this.answer = this.error = null;
    this.element.className = 'card waiting';
    this.find('.size').textContent = bytes(this.file.size);
    for (const part of ['.verdict', '.times', '.problem'])
      this.find(part).textContent = '';
    this.find('.again').hidden = true;
    this.show();
    queue.push(this);
  }

  async classify() {
    const { signal } = this.stop;
    try {
      const response = await ask(`v1/classify?model=${encodeURIComponent(model.name)}&top=${TOP}&heatmap=${this.heats && model.heatMap}`,
        { method: 'POST', body: this.file.slice(), signal }); // without a type: the server looks at the bytes
      if (response.status === 401 || response.status === 503) {
        queue.unshift(this);
        if (response.status === 503) {
          const pause = 1000 * (Number(response.headers.get('Retry-After')) || 1);
          busyUntil = Date.now() + pause;
          setTimeout(pump, pause + 20);
        }

        return;
      }

      const { images: [answer] } = await read(response);
      signal.throwIfAborted();
      answer.error ? this.fail(answer.error.replace(/^image: /, ''), false) : this.succeed(answer);
    } catch (error) {
      if (!signal.aborted)
        this.fail(error instanceof TypeError ? 'The server can’t be reached, or the file can’t be read.' : error.message, true);
    }
  }

  succeed(answer) {
    const { verdict, width, height, predictions: [first], milliseconds: { decode, queue: waited, infer } } = answer;
    const words = verdicts[verdict] ?? '';
    if (!this.answer)
      say(`${this.file.name}: ${words} ${first.label}, ${percent(first.probability)}`);
    answer.heatMap ??= this.answer?.heatMap;
    this.answer = answer;
    this.shape(width / height);
    this.element.className = `card ${words ? 'doubtful' : 'sure'}`;
    this.find('.size').textContent = `${number(width)} × ${number(height)} pixels, ${bytes(this.file.size)}`;
    this.find('.verdict').textContent = words;
    this.find('.times').textContent = `Decoding ${time(decode)}, queue ${time(waited)}, network ${time(infer)}`;
    this.show();
  }

  fail(message, canTryAgain) {
    [this.answer, this.error] = [null, message];
    this.show();
    this.element.className = 'card';
    this.find('.classes').replaceChildren();
    this.find('.problem').textContent = message[0].toUpperCase() + message.slice(1);
    this.find('.again').hidden = !canTryAgain;
    say(`${this.file.name}: ${message}`);
  }

  /** Bars of the classes, empty while there is no answer, and the heat map. */
  show() {
    const { answer } = this, classes = model?.classes.length ?? TOP;
    const row = (label, share, className = '') => {
      const bar = make('i', '');
      bar.style.width = `${100 * share}%`;
      return make('li', className, make('span', '', label), make('span', 'share', answer ? percent(share) : ''), make('div', 'bar', bar));
    };
    const rows = answer?.predictions ?? Array(Math.min(TOP, classes)).fill({ label: '', probability: 0 });
    const others = classes - rows.length, left = answer ? rows.reduce((sum, { probability }) => sum - probability, 1) : 0;
    this.find('.classes').replaceChildren(...rows.map(({ label, probability }) => row(label, probability)),
      ...others > 0 ? [row(answer ? count(others, 'other class', 'other classes') : '', Math.max(0, left), 'others')] : []);

    const heat = this.find('.heat'), legend = this.find('.legend'), isShown = Boolean(this.heats && answer?.heatMap);
    this.find('.warm').hidden = !answer || !model.heatMap;
    this.find('.warm').ariaPressed = isShown;
    heat.hidden = legend.hidden = !isShown;
    if (isShown) {
      // Over what the network sees; its shadow fades the rest.
      const { width, height } = answer, { fit, seen } = model, side = seen * Math[fit === 'pad' ? 'max' : 'min'](width, height);
      heat.style.width = `${fit === 'stretch' ? 100 : 100 * side / width}%`;
      heat.style.height = `${fit === 'stretch' ? 100 : 100 * side / height}%`;
      heat.src = answer.heatMap;
      heat.alt = `Heat map: what speaks for ${rows[0].label}`;
      legend.textContent = `Light parts speak for ${rows[0].label}.`;
    }
  }

  /** Shows or hides the heat map, which is asked for when it is first wanted. */
  warm(isOn) {
    this.heats = isOn;
    if (this.error)
      return;
    if (isOn && !this.answer?.heatMap && !queue.includes(this))
      queue.push(this);
    this.show();
    pump();
  }

  remove() {
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.discard();
    (next?.querySelector('.remove') ?? $('choose')).focus();
    pump();
  }

  discard() {
    this.stop.abort();
    queue = queue.filter(card => card !== this);
    this.element.remove();
  }
}

// ---- Above the cards

$('heats').onclick = () => {
  const isOn = $('heats').ariaPressed !== 'true';
  $('heats').ariaPressed = isOn;
  cards().forEach(card => card.warm(isOn));
};

$('clear').onclick = () => {
  cards().forEach(card => card.discard());
  $('zone').classList.remove('small');
  $('choose').focus();
  pump();
};

/** Saves the columns of riffle predict --format csv. The first mark says UTF-8 to spreadsheets. */
$('save').onclick = () => {
  const cell = value => /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const ranks = Array.from({ length: Math.min(TOP, model.classes.length) }, (_, index) => index + 1);
  const lines = [['file', 'verdict', 'error', ...ranks.flatMap(rank => [`class_${rank}`, `probability_${rank}`])]];
  for (const { file, answer, error } of cards()) {
    const guesses = answer?.predictions.flatMap(({ label, probability }) => [label, String(probability)]) ?? ranks.flatMap(() => ['', '']);
    if (answer || error)
      lines.push([file.name, answer?.verdict ?? '', error ?? '', ...guesses]);
  }

  const link = make('a', '');
  link.href = URL.createObjectURL(new Blob(['\ufeff', ...lines.map(line => `${line.map(cell).join(',')}\r\n`)], { type: 'text/csv' }));
  link.download = `${model.name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

// ---- Where pictures come from

$('files').onchange = $('capture').onchange = ({ target }) => {
  add(target.files);
  target.value = ''; // so that the same file can be chosen again
};

$('choose').onclick = () => $('files').click();

addEventListener('dragover', event => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
addEventListener('dragleave', event => event.relatedTarget ?? document.body.classList.remove('dropping'));
addEventListener('drop', event => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const { files } = event.dataTransfer;
  files.length ? add(files) : $('problem').textContent = 'That was no file. Save the picture first, then drop its file.';
});

let pasted = 0, taken = 0;
const renamed = (blob, name) => new File([blob], name, { type: blob.type });
addEventListener('paste', event => {
  const files = [...event.clipboardData.files];
  // Browsers call every copied picture image.png.
  if (files.length)
    add(files.map(file => file.name === 'image.png' ? renamed(file, `pasted ${++pasted}.png`) : file));
});

// ---- The camera

let facing = 'environment';

function endCamera() {
  video.srcObject?.getTracks().forEach(track => track.stop());
  video.srcObject = null;
}

async function startCamera() {
  endCamera();
  $('trouble').textContent = '';
  $('shoot').disabled = true;
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: facing, width: { ideal: 1920 } } });
    if (!camera.open)
      return endCamera();
    await video.play();
    $('shoot').disabled = false;
    $('shoot').focus();
    const devices = await navigator.mediaDevices.enumerateDevices();
    $('turn').hidden = devices.filter(({ kind }) => kind === 'videoinput').length < 2;
  } catch (error) {
    $('trouble').textContent = `The camera can’t be used: ${error.message}.`;
  }
}

// Browsers give the camera to pages of this machine and of https only; elsewhere a phone opens its own camera.
$('take').onclick = () => {
  if (!navigator.mediaDevices)
    return $('capture').click();
  camera.showModal();
  startCamera();
};
$('turn').onclick = () => {
  facing = facing === 'user' ? 'environment' : 'user';
  startCamera();
};
$('done').onclick = () => camera.close();
camera.onclose = endCamera;
$('shoot').onclick = async () => {
  const photo = await copy(video, video.videoWidth, video.videoHeight, 'image/jpeg', .92);
  add([renamed(photo, `camera ${++taken}.jpg`)]);
  $('taken').textContent = `${count(taken, 'picture')} taken`;
};

loadModels();
