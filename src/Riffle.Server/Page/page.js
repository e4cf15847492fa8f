'use strict';

const model = document.getElementById('model');
const files = document.getElementById('files');
const drop = document.getElementById('drop');
const answers = document.getElementById('answers');

const words = { notSure: 'The network is not sure.', noneOfTheClasses: 'This looks like none of the classes.' };

function line(text) {
  const element = document.createElement('div');
  element.textContent = text;
  return element;
}

async function ask(path, options) {
  const key = sessionStorage.getItem('key');
  const response = await fetch(path, { ...options, headers: key ? { 'X-API-Key': key } : {} });
  if (response.status === 401) {
    const given = prompt('This server needs a key:');
    if (given) {
      sessionStorage.setItem('key', given);
      return ask(path, options);
    }
  }

  const answer = await response.json();
  if (!response.ok)
    throw new Error(answer.error);
  return answer;
}

async function classify(chosen) {
  const form = new FormData();
  for (const file of chosen)
    form.append('image', file);
  try {
    const answer = await ask(`v1/classify?model=${encodeURIComponent(model.value)}&top=5`, { method: 'POST', body: form });
    answer.images.forEach((image, index) => show(image, chosen[index]));
  } catch (error) {
    const item = document.createElement('li');
    item.append(line(error.message));
    answers.prepend(item);
  }
}

function show(image, file) {
  const item = document.createElement('li');
  item.append(line(image.name));
  if (image.error) {
    item.append(line(image.error));
  } else {
    const picture = document.createElement('img');
    picture.alt = image.name;
    picture.onload = () => URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(file);
    item.append(picture);
    if (words[image.verdict])
      item.append(line(words[image.verdict]));
    for (const prediction of image.predictions)
      item.append(line(`${(100 * prediction.probability).toFixed(1)} % ${prediction.label}`));
  }

  answers.prepend(item);
}

files.addEventListener('change', () => classify([...files.files]));
drop.addEventListener('dragover', event => event.preventDefault());
drop.addEventListener('drop', event => {
  event.preventDefault();
  classify([...event.dataTransfer.files]);
});

ask('v1/models').then(answer => {
  for (const one of answer.models)
    model.append(new Option(`${one.name} (${one.classes.length} classes)`, one.name));
});
