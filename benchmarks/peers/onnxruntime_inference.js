// Latency of ONNX Runtime: one JSON line. usage: node onnxruntime_inference.js FILE.onnx SIZE [BATCH=1] [THREADS=1] [SECONDS=1.5]
// NODE_PATH names the folder of packages where setup.sh put onnxruntime-node. Timed as `riffle benchmark` does: a warm-up of a quarter of the time and
// at least two runs, then runs until the time is spent and at least five; percentiles are interpolated between the two samples beside them.
'use strict';
const onnxruntime = require('onnxruntime-node');
const { version } = require('onnxruntime-node/package.json');

const [file, ...numbers] = process.argv.slice(2);
const [size, batch = 1, threads = 1, seconds = 1.5] = numbers.map(Number);

async function repeat(work, budget, least) {
    const samples = [];
    for (const begin = performance.now(); samples.length < least || performance.now() - begin < 1000 * budget;) {
        const start = performance.now();
        await work();
        samples.push(performance.now() - start);
    }
    return samples;
}

function percentile(sorted, percent) {
    const place = percent / 100 * (sorted.length - 1), below = Math.floor(place), above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

async function main() {
    const session = await onnxruntime.InferenceSession.create(
        file, { executionProviders: ['cpu'], graphOptimizationLevel: 'all', intraOpNumThreads: threads, interOpNumThreads: 1 });
    const noise = Float32Array.from({ length: batch * 3 * size * size }, () => 2 * Math.random() - 1);
    const images = { images: new onnxruntime.Tensor('float32', noise, [batch, 3, size, size]) };
    const run = () => session.run(images);
    await repeat(run, seconds / 4, 2);
    const sorted = (await repeat(run, seconds, 5)).sort((a, b) => a - b);
    const median = percentile(sorted, 50);
    console.log(JSON.stringify({
        peer: `ONNX Runtime ${version}`, batch, threads,
        median_ms: +median.toFixed(4), p95_ms: +percentile(sorted, 95).toFixed(4), images_per_second: +(1000 * batch / median).toFixed(1),
    }));
}

main();
