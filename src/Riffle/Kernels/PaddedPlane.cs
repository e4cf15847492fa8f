using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>Planes with a border of one position, in scratch, so that a 3×3 window needs no checks at the edges: [H + 2][W + 2][16].</summary>
internal readonly unsafe struct PaddedPlane(int height, int width)
{
    /// <summary>Floats of a row with its border.</summary>
    public readonly int Row = (width + 2) * Lanes.Count;

    /// <summary>Floats of the plane with its border.</summary>
    public readonly int Size = (height + 2) * (width + 2) * Lanes.Count;

    /// <summary>Reads a plane, with what is pending on it, into the middle of the scratch.</summary>
    public void Read<TVec>(in Planes planes, in Block block, int plane, float* target, float border)
        where TVec : unmanaged, IVec<TVec>
    {
        FillBorder<TVec>(target, border);
        var length = width * Lanes.Count;
        for (var y = 0; y < height; y++)
            PlaneAccess.Read<TVec>(planes, block, plane, (long)y * length, length, Interior(target, y));
    }

    /// <summary>Reads the gradient by a plane into the middle of the scratch, with zeros around.</summary>
    public void ReadGradient<TVec>(in Planes planes, in Block block, int plane, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        FillBorder<TVec>(target, 0);
        var length = width * Lanes.Count;
        for (var y = 0; y < height; y++)
            PlaneAccess.ReadGradient<TVec>(planes, block, plane, (long)y * length, length, Interior(target, y));
    }

    /// <summary>Hands the middle of the scratch to a plane as its gradient.</summary>
    public void AddGradient<TVec>(in Planes planes, in Block block, int plane, float* gradient, Arrival arrival)
        where TVec : unmanaged, IVec<TVec>
    {
        var length = width * Lanes.Count;
        for (var y = 0; y < height; y++)
            PlaneAccess.AddGradient<TVec>(planes, block, plane, (long)y * length, length, Interior(gradient, y), arrival);
    }

    /// <summary>Sets everything to zero.</summary>
    public void Clear(float* target) => new Span<float>(target, Size).Clear();

    private float* Interior(float* target, int y) => target + (long)(y + 1) * Row + Lanes.Count;

    private void FillBorder<TVec>(float* target, float border)
        where TVec : unmanaged, IVec<TVec>
    {
        Fill<TVec>(target, Row, border);
        for (var y = 1; y <= height; y++)
        {
            Fill<TVec>(target + (long)y * Row, Lanes.Count, border);
            Fill<TVec>(target + (long)(y + 1) * Row - Lanes.Count, Lanes.Count, border);
        }

        Fill<TVec>(target + (long)(height + 1) * Row, Row, border);
    }

    private static void Fill<TVec>(float* target, int length, float value)
        where TVec : unmanaged, IVec<TVec>
    {
        var v = TVec.Broadcast(value);
        for (var i = 0; i < length; i += TVec.Count)
            TVec.Store(target + i, v);
    }
}
