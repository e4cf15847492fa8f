using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Riffle.Execution;

/// <summary>
/// An item under way: what the thread that leads it and its helpers tell each other. A meeting is one word that the leader writes and one that the helpers count
/// up. Helpers come at any time, and take part from the next stage on; all go at once, when the leader closes.
/// </summary>
internal sealed class SharedItem
{
    private const int SessionShift = 32, StageShift = 16, CountMask = 0xFFFF;
    private const long OpenBit = 1L << 31;

    /// <summary>The session, whether it is open, and how many have joined. A session is from opening to closing; no two have the same number.</summary>
    private Apart _door;

    /// <summary>The session, the stage and its number of parts; no parts when the session is over.</summary>
    private Apart _stage;

    /// <summary>Parts that helpers have computed, ever.</summary>
    private Apart _arrived;

    private long _expected;
    private int _item, _room;

    /// <summary>Whether another helper may come.</summary>
    public bool HasRoom => _door.Get() is var door && (door & OpenBit) != 0 && (door & CountMask) < _room;

    /// <summary>How many have joined.</summary>
    public int Helpers => (int)(_door.Get() & CountMask);

    /// <summary>Lets helpers come.</summary>
    /// <param name="item">What it is.</param>
    /// <param name="helpers">The most that may come.</param>
    public void Open(int item, int helpers)
    {
        (_item, _room) = (item, Math.Min(helpers, CountMask - 1));
        _door.Set((long)(SessionOf(_door.Get()) + 1) << SessionShift | OpenBit);
    }

    /// <summary>Sends the helpers away; they have nothing to do.</summary>
    public void Close()
    {
        var over = (long)SessionOf(_door.Get()) << SessionShift;
        _door.Exchange(over);
        _stage.Set(over);
    }

    /// <summary>Has helpers compute their parts of a stage.</summary>
    /// <param name="stage">Its number.</param>
    /// <param name="parts">Number of parts, at most one more than there are helpers. Part 0 is the leader's.</param>
    public void Publish(int stage, int parts)
    {
        _expected += parts - 1;
        _stage.Set((long)SessionOf(_door.Get()) << SessionShift | (uint)stage << StageShift | (uint)parts);
    }

    /// <summary>Waits until they are done.</summary>
    public void AwaitHelpers()
    {
        for (var waiter = default(Waiter); _arrived.Get() != _expected;)
            waiter.Wait();
    }

    /// <summary>Joins as a helper; false where there is no room.</summary>
    public bool TryJoin(out Helper help)
    {
        var door = _door.Get();
        help = new() { Item = _item, Session = SessionOf(door), Part = (int)(door & CountMask) + 1 };
        return (door & OpenBit) != 0 && help.Part <= _room && _door.TryChange(door, door + 1);
    }

    /// <summary>Waits for the next stage of which a helper has a part; false where the session is over.</summary>
    public bool Next(ref Helper help)
    {
        for (var waiter = default(Waiter); ; waiter.Wait())
        {
            var word = _stage.Get();
            var ahead = SessionOf(word) - help.Session;
            if (ahead < 0 || word == help.Seen)
                continue;
            (help.Seen, help.Stage, help.Parts) = (word, (int)(word >> StageShift & CountMask), (int)(word & CountMask));
            if (ahead > 0 || help.Parts == 0)
                return false;
            if (help.Part < help.Parts)
                return true;
        }
    }

    /// <summary>A helper has computed its part.</summary>
    public void Arrive() => _arrived.Add(1);

    private static int SessionOf(long word) => (int)(word >> SessionShift);

    /// <summary>What a helper knows.</summary>
    public struct Helper
    {
        /// <summary>The item.</summary>
        public int Item;

        /// <summary>The session that it joined.</summary>
        public int Session;

        /// <summary>Its part of each stage.</summary>
        public int Part;

        /// <summary>The word that it saw last.</summary>
        public long Seen;

        /// <summary>The stage to compute.</summary>
        public int Stage;

        /// <summary>The parts of that stage.</summary>
        public int Parts;
    }
}

/// <summary>A number that threads share, in cache lines of its own.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct Apart
{
    [FieldOffset(64)]
    private long _value;

    public readonly long Get() => Volatile.Read(in _value);

    public void Set(long value) => Volatile.Write(ref _value, value);

    public void Exchange(long value) => Interlocked.Exchange(ref _value, value);

    public long Add(long value) => Interlocked.Add(ref _value, value);

    public bool TryChange(long from, long to) => Interlocked.CompareExchange(ref _value, to, from) == from;
}

/// <summary>Waiting for another thread: by spinning for some tens of microseconds, as long as threads with a core each are apart; then by giving the core to
/// those that want one.</summary>
internal struct Waiter
{
    private const int Spins = 1500;

    private int _spins;

    /// <summary>Whether it has not been long.</summary>
    public readonly bool IsShort => _spins < Spins;

    public void Wait()
    {
        if (!IsShort)
        {
            Thread.Yield();
            return;
        }

        // Thread.SpinWait takes two microseconds in the first seconds of a process, until .NET has measured the processor.
        _spins++;
        if (X86Base.IsSupported)
            X86Base.Pause();
        else if (ArmBase.IsSupported)
            ArmBase.Yield();
        else
            Thread.SpinWait(1);
    }
}
