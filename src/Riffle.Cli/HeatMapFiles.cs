using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Images;

namespace Riffle.Cli;

/// <summary>Heat maps of predictions, as JPEG files.</summary>
internal sealed class HeatMapFiles : IDisposable
{
    private const int Quality = 90;

    private readonly Model _model;
    private readonly HeatMaps _maps;
    private readonly Dictionary<string, string> _outputs;

    /// <summary>Makes ready, so that what can't be done is reported before anything is classified.</summary>
    /// <param name="model">The network.</param>
    /// <param name="output">A .jpg file for a single image; otherwise a folder, which is created.</param>
    /// <param name="files">The images.</param>
    /// <exception cref="ArgumentException">Several images, but the name of one file.</exception>
    /// <exception cref="RiffleException">The network has no heat maps, or the folder can't be created.</exception>
    public HeatMapFiles(Model model, string output, IReadOnlyList<string> files)
    {
        var isFile = Path.GetExtension(output).ToLowerInvariant() is ".jpg" or ".jpeg" && !Directory.Exists(output);
        if (isFile && files.Count > 1)
            throw new ArgumentException($"--heat-map: {output} is one file, but there are {files.Count:N0} images; give a folder");
        if (files.Contains(ImageList.StandardInput))
            throw new ArgumentException("--heat-map needs image files, but - is standard input");
        (_model, _maps) = (model, new(model));
        try
        {
            if (!isFile)
                Directory.CreateDirectory(output);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _maps.Dispose();
            throw new RiffleException($"{output}: can't create the folder: {e.Message} Give another --heat-map.", e);
        }

        // Images of the same name in several folders are numbered.
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        string Free(string name) => Enumerable.Range(1, int.MaxValue).Select(i => i == 1 ? $"{name}.jpg" : $"{name}-{i}.jpg").First(taken.Add);
        _outputs = files.Distinct().ToDictionary(file => file, file => isFile ? output : Path.Combine(output, Free(Path.GetFileNameWithoutExtension(file))));
    }

    /// <summary>Writes the map of an image for a class.</summary>
    public void Write(string file, int label)
    {
        var image = ImageCodec.Default.Decode(File.ReadAllBytes(file), file, ImageFit.SideForInference(_model.ImageSize, _model.SeesWhole));
        var pixels = ImageFit.ForInference(image, _model.ImageSize, _model.SeesWhole, _model.Fit);
        var map = _maps.Of(pixels, label);
        var picture = _model.Fit == FitKind.Crop ? HeatPicture.Of(pixels, _model.ImageSize, map) : HeatPicture.Of(image, _model.ImageSize, _model.Fit, map);
        var jpeg = ImageCodec.Default.EncodeJpeg(picture, Quality);
        AtomicFile.Write(_outputs[file], stream => stream.Write(jpeg));
    }

    public void Dispose() => _maps.Dispose();
}
