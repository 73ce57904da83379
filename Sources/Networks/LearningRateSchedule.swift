import Foundation

/// Linear warm-up, then half a cosine down to a share of the peak (Loshchilov and Hutter 2017).
public struct LearningRateSchedule: Sendable, Hashable, Codable {
  /// The highest rate.
  public var peak: Float
  /// The last rate as a share of the peak, in [0, 1].
  public var finalShare: Float
  /// Steps of warm-up; 0 starts at the peak.
  public var warmup: Int
  /// Steps in all; later ones keep the last rate.
  public var total: Int

  public init(peak: Float, finalShare: Float, warmup: Int, total: Int) {
    self.peak = peak
    self.finalShare = finalShare
    self.warmup = warmup
    self.total = total
  }

  /// The rate of step `step`, counted from 0. Step `warmup` − 1 has the peak rate already.
  public func rate(at step: Int) -> Float {
    if step < warmup { return peak * Float(step + 1) / Float(warmup) }
    let span = max(total - warmup, 1)
    let progress = min(Double(step - warmup) / Double(span), 1)
    let share = Double(finalShare) + (1 - Double(finalShare)) * (1 + cos(.pi * progress)) / 2
    return peak * Float(share)
  }
}
