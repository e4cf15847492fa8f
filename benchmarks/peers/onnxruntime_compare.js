// Whether ONNX Runtime gives what Riffle gives: one JSON line. usage: node onnxruntime_compare.js FILE.onnx SAMPLES SIZE uint8|float logits|probabilities [BATCH]
// SAMPLES.pixels, .images and .logits.BATCH are what `Riffle.Benchmarks samples` or `imports` writes; a BATCH is the only one that the file takes. The
// difference is the largest one, as a part of the largest logit (of probabilities, whose scale is 1, it is the largest one).
'use strict';
const fs = require('fs');
const onnxruntime = require('onnxruntime-node');

const [file, samples, side, type, gives, only] = process.argv.slice(2);
const size = 3 * side * side;

function floats(path) {
    const bytes = fs.readFileSync(path);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function softmax(logits) {
    const highest = Math.max(...logits), powers = Array.from(logits, value => Math.exp(value - highest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map(value => value / sum);
}

async function main() {
    const session = await onnxruntime.InferenceSession.create(file, { graphOptimizationLevel: 'all', intraOpNumThreads: 1, logSeverityLevel: 3 });
    const differences = {};
    for (const batch of only ? [+only] : [1, 6, 33]) {
        const images = type === 'uint8'
            ? new onnxruntime.Tensor('uint8', new Uint8Array(fs.readFileSync(`${samples}.pixels`)).slice(0, batch * size), [batch, +side, +side, 3])
            : new onnxruntime.Tensor('float32', floats(`${samples}.images`).slice(0, batch * size), [batch, 3, +side, +side]);
        const output = (await session.run({ images }))[gives];
        const [rows, classes] = output.dims;
        let expected = Array.from(floats(`${samples}.logits.${batch}`));
        if (rows !== batch || expected.length !== output.data.length) throw new Error(`${output.dims} for ${batch} images`);
        if (gives === 'probabilities')
            expected = [].concat(...Array.from({ length: batch }, (_, n) => softmax(expected.slice(n * classes, (n + 1) * classes))));
        const scale = gives === 'logits' ? expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0) : 1;
        differences[batch] = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - output.data[i])), 0) / scale;
        if (Number.isNaN(differences[batch])) throw new Error('not a number');
    }
    console.log(JSON.stringify(differences));
}

main();
