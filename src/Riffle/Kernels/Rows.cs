namespace Riffle.Kernels;

/// <summary>Rows of a matrix, each a run of floats: row r begins at First + Offsets[r].</summary>
internal readonly unsafe struct Rows(float* first, long* offsets)
{
    /// <summary>What offsets count from.</summary>
    public float* First => first;

    /// <summary>Where each row begins.</summary>
    public long* Offsets => offsets;

    /// <summary>The rows from one on.</summary>
    public Rows From(int row) => new(first, offsets + row);
}
