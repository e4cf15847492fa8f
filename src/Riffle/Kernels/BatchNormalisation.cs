namespace Riffle.Kernels;

/// <summary>
/// Batch normalisation (Ioffe and Szegedy, 2015). It never touches activations: from the sums that the neighbours gathered it makes, for each
/// plane, the numbers with which the plane is read forward and backward.
/// <code>
/// y  = (x − mean) / σ · γ + β                       σ = √(variance + ε), over N images of H·W positions
/// dβ = Σdz     dγ = Σdz·(x − mean) / σ
/// dx = γ/σ · (dz − Σdz/N − (x − mean)/σ² · Σdz·(x − mean)/N)
/// </code>
/// </summary>
internal readonly unsafe struct BatchNormalisation
{
    /// <summary>First of the planes, in one run.</summary>
    public readonly int FirstPlane { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>H·W.</summary>
    public readonly int Positions { get; init; }

    /// <summary>ε.</summary>
    public readonly float Epsilon { get; init; }

    /// <summary>Share of the batch in the running statistics.</summary>
    public readonly float Momentum { get; init; }

    /// <summary>γ.</summary>
    public readonly float* Weight { get; init; }

    /// <summary>β.</summary>
    public readonly float* Bias { get; init; }

    /// <summary>Running mean.</summary>
    public readonly float* RunningMean { get; init; }

    /// <summary>Running variance, unbiased as PyTorch keeps it.</summary>
    public readonly float* RunningVariance { get; init; }

    /// <summary>Forward in training: scale and shift from the batch's own statistics; the running ones move towards them.</summary>
    /// <param name="planes">Receives scale, shift and mean.</param>
    /// <param name="batch">Holds the totals of the batch (<see cref="BlockSums"/>).</param>
    /// <param name="images">Images in the batch.</param>
    public void ForwardTraining(in Planes planes, in Block batch, int images)
    {
        var n = (double)images * Positions;
        for (var c = 0; c < Channels; c++)
        {
            var plane = FirstPlane + c;
            var totals = batch.TotalsOf(plane);
            double sum = totals[0], sumOfSquares = totals[1];
            var mean = sum / n;
            var variance = Math.Max(0, sumOfSquares / n - mean * mean);
            var scale = Weight[c] / Math.Sqrt(variance + Epsilon);
            planes.Scale[plane] = (float)scale;
            planes.Shift[plane] = (float)(Bias[c] - mean * scale);
            planes.Mean[plane] = (float)mean;

            // The gradient's numbers need σ; until backward knows its sums, slope holds 1/σ².
            planes.GradientSlope[plane] = (float)(1 / (variance + Epsilon));
            RunningMean[c] += Momentum * ((float)mean - RunningMean[c]);
            RunningVariance[c] += Momentum * ((float)(variance * (n / Math.Max(1, n - 1))) - RunningVariance[c]);
        }
    }

    /// <summary>With the running statistics it is y = scale · x + shift, which inference folds into the convolution before it.</summary>
    /// <param name="scale">Receives γ / σ of each channel.</param>
    /// <param name="shift">Receives β − mean · scale.</param>
    public void Fold(Span<float> scale, Span<float> shift)
    {
        for (var c = 0; c < Channels; c++)
        {
            var factor = Weight[c] / Math.Sqrt((double)RunningVariance[c] + Epsilon);
            scale[c] = (float)factor;
            shift[c] = (float)(Bias[c] - RunningMean[c] * factor);
        }
    }

    /// <summary>Backward: dγ, dβ, and how the planes' gradients are read from here on.</summary>
    /// <param name="planes">Receives the gradient's scale, slope and shift.</param>
    /// <param name="batch">Holds the totals of the batch.</param>
    /// <param name="images">Images in the batch.</param>
    /// <param name="weightGradient">dγ.</param>
    /// <param name="biasGradient">dβ.</param>
    public void Backward(in Planes planes, in Block batch, int images, float* weightGradient, float* biasGradient)
    {
        var n = (double)images * Positions;
        for (var c = 0; c < Channels; c++)
        {
            var plane = FirstPlane + c;
            var totals = batch.TotalsOf(plane);
            double sum = totals[0], sumOfProducts = totals[1];
            double inverseVariance = planes.GradientSlope[plane];
            double scale = planes.Scale[plane], mean = planes.Mean[plane];
            weightGradient[c] = (float)(sumOfProducts * Math.Sqrt(inverseVariance));
            biasGradient[c] = (float)sum;
            var slope = -scale * inverseVariance * sumOfProducts / n;
            planes.GradientScale[plane] = (float)scale;
            planes.GradientSlope[plane] = (float)slope;
            planes.GradientShift[plane] = (float)(-scale * sum / n - slope * mean);
        }
    }
}
