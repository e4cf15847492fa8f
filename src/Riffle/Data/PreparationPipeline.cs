using System.Runtime.ExceptionServices;

namespace Riffle.Data;

/// <summary>Reads on one thread, works on several, and hands results out in the order of the inputs. Holds a bounded part of the inputs.</summary>
internal static class PreparationPipeline
{
    private const int MaxItems = 256;
    private const long MaxBytes = 32 << 20;

    /// <summary>Results of <paramref name="work"/> in order. While one chunk of inputs is worked on, the next is read.</summary>
    /// <param name="inputs">Read from one thread at a time.</param>
    /// <param name="size">Bytes that an input holds.</param>
    /// <param name="work">Called from several threads.</param>
    /// <param name="threads">How many.</param>
    /// <param name="cancel">Stops between items.</param>
    public static IEnumerable<TResult> Run<TInput, TResult>(
        IEnumerable<TInput> inputs, Func<TInput, long> size, Func<TInput, TResult> work, int threads, CancellationToken cancel)
    {
        using var input = inputs.GetEnumerator();
        List<TInput> Read()
        {
            var chunk = new List<TInput>(MaxItems);
            var bytes = 0L;
            while (chunk.Count < MaxItems && bytes < MaxBytes && !cancel.IsCancellationRequested && input.MoveNext())
            {
                chunk.Add(input.Current);
                bytes += size(input.Current);
            }

            return chunk;
        }

        var reading = Task.Run(Read, CancellationToken.None);
        try
        {
            while (true)
            {
                var chunk = reading.GetAwaiter().GetResult();
                cancel.ThrowIfCancellationRequested();
                if (chunk.Count == 0)
                    yield break;
                reading = Task.Run(Read, CancellationToken.None);
                foreach (var result in Work(chunk, work, threads, cancel))
                    yield return result;
            }
        }
        finally
        {
            // The inputs must not be disposed of while they are read.
            ((IAsyncResult)reading).AsyncWaitHandle.WaitOne();
        }
    }

    private static TResult[] Work<TInput, TResult>(List<TInput> chunk, Func<TInput, TResult> work, int threads, CancellationToken cancel)
    {
        var results = new TResult[chunk.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel };
        try
        {
            Parallel.For(0, chunk.Count, options, i => results[i] = work(chunk[i]));
        }
        catch (AggregateException e)
        {
            // One error is enough to report, and its kind decides the exit code.
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        return results;
    }
}
