using System.Diagnostics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// What kernels ask of their callers, checked at each entry of a Debug build:
/// <list type="bullet">
/// <item>Blocks of sixteen images, and of sixteen channels, begin at a cache line; lengths there are multiples of 16 floats.</item>
/// <item>Planes of one image may have any length. Their last vector may be read and written up to <see cref="Slack"/> floats behind the end, which belong to
/// the plane's value; what is written there means nothing.</item>
/// <item>Scratch is dirty: a kernel finds anything in it, and leaves anything.</item>
/// </list>
/// </summary>
internal static unsafe class Contract
{
    /// <summary>Floats behind a run of one image's values, or behind a scratch, that the last vector of the run may reach over.</summary>
    public const int Slack = Lanes.Count;

    /// <summary>Bytes that a cache line and the widest vector have.</summary>
    private const int Alignment = 64;

    /// <summary>A length of whole positions of sixteen lanes.</summary>
    [Conditional("DEBUG")]
    public static void RequireLanes(long length) =>
        Debug.Assert(length > 0 && length % Lanes.Count == 0, $"a length of {length} floats is not a positive multiple of {Lanes.Count}");

    /// <summary>A length of whole vectors.</summary>
    [Conditional("DEBUG")]
    public static void RequireVectors<TVec>(long length)
        where TVec : unmanaged, IVec<TVec> =>
        Debug.Assert(length > 0 && length % TVec.Count == 0, $"a length of {length} floats is not a positive multiple of {TVec.Count}");

    /// <summary>A place at a cache line.</summary>
    [Conditional("DEBUG")]
    public static void RequireAligned(void* place) => Debug.Assert((nint)place % Alignment == 0, $"{(nint)place:x} is not at a multiple of {Alignment} bytes");

    /// <summary>Groups that divide the channels.</summary>
    [Conditional("DEBUG")]
    public static void RequireGroups(int groups, int inputChannels, int outputChannels) => Debug.Assert(
        groups > 0 && inputChannels % groups == 0 && outputChannels % groups == 0, $"{groups} groups of {inputChannels} and {outputChannels} channels");

    /// <summary>A window that sees the image wherever it stands.</summary>
    [Conditional("DEBUG")]
    public static void RequireWindow(in Window window, bool isTraining)
    {
        Debug.Assert(window.Lanes == Lanes.Count || (window.Lanes == 1 && !isTraining), $"{window.Lanes} lanes");
        Debug.Assert(window is { Kernel: > 0, Stride: > 0, Channels: > 0, OutputHeight: > 0, OutputWidth: > 0 }, $"a {window.Kernel}×{window.Kernel} window");
        var border = window.Border;
        Debug.Assert(Math.Max(Math.Max(border.Top, border.Left), Math.Max(border.Bottom, border.Right)) < window.Kernel, $"a border of {border}");
    }

    /// <summary>Scratch that is there; its content is destroyed, so that no kernel comes to rely on it.</summary>
    [Conditional("DEBUG")]
    public static void RequireScratch(float* scratch, long length)
    {
        Debug.Assert(scratch != null && length >= 0, "no scratch");
        for (long i = 0; i < length; i++)
            scratch[i] = float.NaN;
    }
}
