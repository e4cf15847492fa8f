using System.Runtime.InteropServices;
using System.Text;

namespace Riffle.Distribution.Mpi;

/// <summary>
/// The functions of a library of MPI that Riffle calls. Libraries differ in what a handle is: an address of something that the library exports (Open MPI), an
/// integer of four bytes (MPICH and its relatives), or a small number of a pointer's size (the standard ABI of MPI 5). All fit into <see cref="nint"/>.
/// </summary>
internal sealed unsafe class MpiLibrary
{
    /// <summary>What the return value of a function is if all went well.</summary>
    public const int Success = 0;

    private const int LongestText = 8192;

    private readonly delegate* unmanaged<void*, void*, int, int*, int> _init;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly delegate* unmanaged<nint, int*, int> _rank;
    private readonly delegate* unmanaged<nint, int*, int> _size;
    private readonly delegate* unmanaged<nint, nint, int> _setErrorHandler;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, void*, int> _send;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, void*, int> _receive;
    private readonly delegate* unmanaged<int, void*, int*, nint, int> _testAll;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<byte*, int*, int> _version;
    private readonly delegate* unmanaged<int, byte*, int*, int> _errorText;

    private readonly nint _world, _bytes, _errorsReturn, _statusesIgnore;
    private readonly int _serialised;

    private MpiLibrary(string name, nint handle)
    {
        Name = name;
        nint Function(string function) => NativeLibrary.GetExport(handle, function);
        if (NativeLibrary.TryGetExport(handle, "ompi_mpi_comm_world", out _world))
        {
            (_bytes, _errorsReturn, _statusesIgnore) = (Function("ompi_mpi_byte"), Function("ompi_mpi_errors_return"), 0);
            (RequestBytes, _serialised) = (sizeof(nint), 2);
        }
        else if (NativeLibrary.TryGetExport(handle, "MPI_Abi_get_version", out _) && name.Contains("abi", StringComparison.Ordinal))
        {
            (_world, _bytes, _errorsReturn, _statusesIgnore) = (0x101, 0x247, 0x143, 0);
            (RequestBytes, _serialised) = (sizeof(nint), 2048);
        }
        else
        {
            (_world, _bytes, _errorsReturn, _statusesIgnore) = (0x44000000, 0x4c00010d, 0x54000001, 1);
            (RequestBytes, _serialised) = (sizeof(int), 2);
        }

        _init = (delegate* unmanaged<void*, void*, int, int*, int>)Function("MPI_Init_thread");
        _finalize = (delegate* unmanaged<int>)Function("MPI_Finalize");
        _rank = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_size");
        _setErrorHandler = (delegate* unmanaged<nint, nint, int>)Function("MPI_Comm_set_errhandler");
        _send = (delegate* unmanaged<void*, int, nint, int, int, nint, void*, int>)Function("MPI_Isend");
        _receive = (delegate* unmanaged<void*, int, nint, int, int, nint, void*, int>)Function("MPI_Irecv");
        _testAll = (delegate* unmanaged<int, void*, int*, nint, int>)Function("MPI_Testall");
        _abort = (delegate* unmanaged<nint, int, int>)Function("MPI_Abort");
        _version = (delegate* unmanaged<byte*, int*, int>)Function("MPI_Get_library_version");
        _errorText = (delegate* unmanaged<int, byte*, int*, int>)Function("MPI_Error_string");
    }

    /// <summary>The name under which it was found.</summary>
    public string Name { get; }

    /// <summary>Bytes of the handle of a request; such handles lie one behind the other.</summary>
    public int RequestBytes { get; }

    /// <summary>The library's own name and version, in one line.</summary>
    public string Version
    {
        get
        {
            var text = stackalloc byte[LongestText];
            var length = 0;
            _ = _version(text, &length);
            return Encoding.UTF8.GetString(text, Math.Clamp(length, 0, LongestText)).Split(['\n', '\0'])[0].Trim();
        }
    }

    /// <summary>Loads the first of several libraries that is there.</summary>
    /// <exception cref="RiffleException">None is, or it is no library of MPI.</exception>
    public static MpiLibrary Load(IEnumerable<string> names, string launcher)
    {
        // .NET needs SIGSEGV for itself: a transport or a printer of stacks must not take it. Libraries read this when they are loaded.
        LibC.SetVariable("UCX_ERROR_SIGNALS", "SIGILL,SIGBUS,SIGFPE");
        LibC.SetVariable("UCX_WARN_UNUSED_ENV_VARS", "n");
        LibC.SetVariable("OMPI_MCA_opal_signal", "6");

        // Over TCP, Open MPI writes long messages into the other's memory in pieces that it asks for one by one; when both send, that takes twice as long as to send.
        LibC.SetVariable("OMPI_MCA_btl_tcp_flags", "1");

        // UCX, which MPICH may use, asks before it sends long messages; between two looks at MPI an answer waits. Buckets of gradients are below this.
        LibC.SetVariable("UCX_RNDV_THRESH", "128k");
        foreach (var name in names)
        {
            if (!NativeLibrary.TryLoad(name, out var handle))
                continue;
            try
            {
                return new(name, handle);
            }
            catch (EntryPointNotFoundException e)
            {
                throw new RiffleException($"{name}: not a library of MPI ({e.Message}). Set {Launch.LibraryVariable} to that of the launcher.", e);
            }
        }

        throw new RiffleException(
            $"this process was started by {launcher}, but its library of MPI is not there (looked for {string.Join(", ", names)}). "
            + $"Install Open MPI or MPICH, or set {Launch.LibraryVariable} to the file of the library.");
    }

    /// <summary>Starts MPI, and has it return errors instead of ending the process.</summary>
    /// <exception cref="RiffleException">It can't be started, or is for one thread alone.</exception>
    public void Start()
    {
        var provided = 0;
        Check(_init(null, null, _serialised, &provided), "MPI_Init_thread");
        Check(_setErrorHandler(_world, _errorsReturn), "MPI_Comm_set_errhandler");
        if (provided < _serialised)
            throw new RiffleException($"{Name}: this library of MPI can't be called by more than one thread, which Riffle needs; it provides level {provided}.");
    }

    public void Finish() => Check(_finalize(), "MPI_Finalize");

    public (int Rank, int Count) Place()
    {
        var (rank, count) = (0, 0);
        Check(_rank(_world, &rank), "MPI_Comm_rank");
        Check(_size(_world, &count), "MPI_Comm_size");
        return (rank, count);
    }

    public void Send(void* memory, long bytes, int peer, int tag, void* request) =>
        Check(_send(memory, checked((int)bytes), _bytes, peer, tag, _world, request), "MPI_Isend");

    public void Receive(void* memory, long bytes, int peer, int tag, void* request) =>
        Check(_receive(memory, checked((int)bytes), _bytes, peer, tag, _world, request), "MPI_Irecv");

    /// <summary>Whether all of these requests are done; makes progress on all others too.</summary>
    public bool AreDone(int count, void* requests)
    {
        var done = 0;
        Check(_testAll(count, requests, &done, _statusesIgnore), "MPI_Testall");
        return done != 0;
    }

    public void Abort(int code) => _ = _abort(_world, code);

    private void Check(int code, string function)
    {
        if (code == Success)
            return;
        var text = stackalloc byte[LongestText];
        var length = 0;
        _ = _errorText(code, text, &length);
        throw new RiffleException($"{function} of {Name} failed: {Encoding.UTF8.GetString(text, Math.Clamp(length, 0, LongestText)).TrimEnd('\0')}");
    }
}
