using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Riffle.Distribution.Mpi;

/// <summary>Ranks that <c>mpirun</c> or <c>srun</c> has started, joined by MPI.</summary>
/// <remarks>
/// MPI is called by one thread at a time, and never waits in there: a wait of MPI keeps a core busy, which the computation may need, and may never end if a link
/// has failed.
/// </remarks>
public sealed unsafe class MpiRanks : Ranks
{
    /// <summary>The environment variable with the seconds after which a rank that does not answer is given up.</summary>
    internal const string PatienceVariable = "RIFFLE_MPI_PATIENCE";

    /// <summary>As long as a rank may be away for good reason within a step: it reads images, writes a checkpoint to a slow disk, or another program has its
    /// core.</summary>
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromMinutes(2);

    /// <summary>What is left of it once this rank is asked to stop, as it is when another has died.</summary>
    private static readonly TimeSpan PatienceOnceStopped = TimeSpan.FromSeconds(10);

    /// <summary>Between steps rank 0 may have much to do alone.</summary>
    private static readonly TimeSpan PatienceBetweenSteps = TimeSpan.FromHours(1);

    /// <summary>Microseconds that a wait which keeps nobody waiting sleeps between two looks.</summary>
    private const uint Nap = 300;

    private readonly MpiLibrary _library;
    private readonly Lock _gate = new();
    private readonly byte*[] _requests = new byte*[Enum.GetValues<Tag>().Length];
    private readonly int[] _capacities = new int[Enum.GetValues<Tag>().Length];
    private readonly TimeSpan _patience;
    private readonly CancellationToken _stop;
    private bool _isDisposed;

    private MpiRanks(MpiLibrary library, Launch launch, CancellationToken stop)
    {
        (_library, _stop) = (library, stop);
        (Rank, Count) = library.Place();
        if (launch.Count is { } expected && (expected != Count || launch.Rank != Rank))
        {
            throw new RiffleException(
                $"{launch.Launcher} started this process as rank {launch.Rank} of {expected}, but {library.Name} ({library.Version}) takes it for rank {Rank} of {Count}. "
                + $"That library belongs to another MPI; set {Launch.LibraryVariable} to the library of the launcher.");
        }

        var given = Environment.GetEnvironmentVariable(PatienceVariable);
        _patience = given is null ? DefaultPatience
            : double.TryParse(given, System.Globalization.CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 1e6 ? TimeSpan.FromSeconds(seconds)
            : throw new RiffleException($"{PatienceVariable} is '{given}', but must be a number of seconds");
        Introduce(Environment.MachineName);
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <summary>The library's name and version.</summary>
    public string Library => _library.Version;

    /// <summary>Joins the ranks if this process is one of several that MPI has started; otherwise loads nothing and returns null. A process may do it once.</summary>
    /// <param name="stop">Asks this rank to stop. A rank that does not answer any more is then given up within seconds.</param>
    /// <exception cref="RiffleException">The library of MPI is not there, or is not the launcher's.</exception>
    public static MpiRanks? Join(CancellationToken stop = default)
    {
        if (Launch.Find() is not { } launch || launch.Count == 1)
            return null;
        var library = MpiLibrary.Load(launch.Libraries, launch.Launcher);
        library.Start();
        return new(library, launch, stop);
    }

    /// <inheritdoc/>
    public override void Abort(int code)
    {
        // Not under the lock: another thread may be inside, and nothing comes after this.
        _library.Abort(code);
        Environment.Exit(code);
    }

    internal override void Exchange(Tag tag, ReadOnlySpan<Transfer> transfers, Func<bool>? hurry)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var requests = Requests(tag, transfers.Length);
        lock (_gate)
        {
            for (var i = 0; i < transfers.Length; i++)
            {
                var request = requests + i * _library.RequestBytes;
                var transfer = transfers[i];
                if (transfer.IsReceived)
                    _library.Receive(transfer.Memory, transfer.Bytes, transfer.Peer, (int)tag, request);
                else
                    _library.Send(transfer.Memory, transfer.Bytes, transfer.Peer, (int)tag, request);
            }
        }

        var since = Stopwatch.GetTimestamp();
        while (!AreDone(transfers.Length, requests))
        {
            if (tag != Tag.Control && (hurry is null || hurry()))
                Thread.Yield();
            else
                LibC.Sleep(Nap);
            var patience = tag == Tag.Control ? PatienceBetweenSteps : _stop.IsCancellationRequested && _patience > PatienceOnceStopped ? PatienceOnceStopped : _patience;
            if (Stopwatch.GetElapsedTime(since) > patience)
                throw new RiffleException(Silent(transfers, requests, patience));
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _library.Finish();
        foreach (var requests in _requests)
            NativeMemory.Free(requests);
    }

    private bool AreDone(int count, byte* requests)
    {
        lock (_gate)
            return _library.AreDone(count, requests);
    }

    private byte* Requests(Tag tag, int count)
    {
        var place = (int)tag;
        if (_capacities[place] < count)
        {
            _requests[place] = (byte*)NativeMemory.Realloc(_requests[place], (nuint)(count * _library.RequestBytes));
            _capacities[place] = count;
        }

        return _requests[place];
    }

    private string Silent(ReadOnlySpan<Transfer> transfers, byte* requests, TimeSpan patience)
    {
        var peers = new SortedSet<int>();
        for (var i = 0; i < transfers.Length; i++)
        {
            if (!AreDone(1, requests + i * _library.RequestBytes))
                peers.Add(transfers[i].Peer);
        }

        return $"{string.Join(", ", peers.Select(NameOf))} did not answer {NameOf(Rank)} for {patience.TotalSeconds:0} seconds: the machine, its network or its process has failed. "
            + $"(A slower cluster may need a larger {PatienceVariable}, in seconds.)";
    }
}
