namespace Riffle.Data;

/// <summary>
/// Returns the images of an epoch by their position in its order. Many threads call <see cref="At"/> and <see cref="Work"/>; all else is called under the
/// loader's lock.
/// </summary>
internal abstract class ImageSource : IDisposable
{
    /// <summary>Begins an epoch of which the positions from <paramref name="first"/> to <paramref name="end"/> − 1 are wanted.</summary>
    public abstract void StartEpoch(int epoch, int first, int end);

    /// <summary>Whether the images at these positions are there.</summary>
    public abstract bool Has(int first, int end);

    /// <summary>Where the image at a position lies, once it is there and until <see cref="Release"/> has passed it.</summary>
    public abstract (StoredImages Images, int Slot) At(int position);

    /// <summary>Positions before this one are no longer needed.</summary>
    public abstract void Release(int position);

    /// <summary>Requests work that loads images; then <see cref="Work"/> does it and <see cref="Done"/> reports it.</summary>
    public abstract bool TryReserveWork();

    /// <summary>Does a piece of reserved work, at the same time as other threads do others.</summary>
    /// <param name="buffer">Memory of the calling thread. It may be replaced by a larger one.</param>
    /// <returns>The work that was done, for <see cref="Done"/>.</returns>
    public abstract int Work(ref byte[] buffer);

    /// <summary>Takes note of finished work.</summary>
    public abstract void Done(int work);

    /// <inheritdoc/>
    public abstract void Dispose();
}
