namespace Riffle.Execution;

/// <summary>Memory in which one thread computes: the activations of an item, if it leads any, and scratch.</summary>
internal sealed unsafe class Workspace : IDisposable
{
    private readonly NativeArray<float> _memory;
    private readonly long _data;
    private readonly int _guardBytes = MemoryGuard.IsOn ? MemoryGuard.Size : 0;

    /// <param name="data">Floats of activations.</param>
    /// <param name="scratch">Floats of scratch.</param>
    public Workspace(long data, long scratch)
    {
        _data = data;
        _memory = new(data + _guardBytes / sizeof(float) + scratch);
        MemoryGuard.Set(Data + data, _guardBytes);
    }

    public float* Data => _memory.Pointer;

    public float* Scratch => Data + _data + _guardBytes / sizeof(float);

    /// <summary>Where memory is guarded, makes sure that nothing was written past the end of either.</summary>
    public void Verify()
    {
        if (_guardBytes == 0)
            return;
        MemoryGuard.Check(Data + _data, _guardBytes, $"activations of {_data * sizeof(float)} bytes");
        _memory.Verify();
    }

    public void Dispose() => _memory.Dispose();
}
