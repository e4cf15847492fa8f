namespace Riffle.Kernels;

/// <summary>Rows cut into as few tiles as possible, whose heights differ by one at most: the first ones are the higher.</summary>
internal readonly struct Tiles(int rows, int most)
{
    public readonly int Count = (rows + most - 1) / most;

    public int Height(int tile) => rows / Count + (tile < rows % Count ? 1 : 0);

    public int Start(int tile) => tile * (rows / Count) + Math.Min(tile, rows % Count);
}

/// <summary>Height of a tile as a type.</summary>
internal interface IHeight
{
    static abstract int Count { get; }
}

internal readonly struct Height1 : IHeight
{
    public static int Count => 1;
}

internal readonly struct Height2 : IHeight
{
    public static int Count => 2;
}

internal readonly struct Height3 : IHeight
{
    public static int Count => 3;
}

internal readonly struct Height4 : IHeight
{
    public static int Count => 4;
}

internal readonly struct Height5 : IHeight
{
    public static int Count => 5;
}

internal readonly struct Height6 : IHeight
{
    public static int Count => 6;
}
