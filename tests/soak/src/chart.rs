//! The time line: rate, lag, memory and threads, one above the other.

use std::path::Path;

use plotters::prelude::*;

use crate::samples::Sample;

type Figure = (&'static str, fn(&Sample) -> f64);

const FIGURES: [Figure; 4] = [
    ("messages a second, all groups", |sample| sample.rate),
    ("messages behind, the slowest group", |sample| sample.lag),
    ("resident memory of the largest member, MB", |sample| sample.rss),
    ("threads of the member with the most", |sample| sample.threads),
];

/// Writes it as an SVG.
pub(crate) fn draw(path: &Path, samples: &[Sample]) -> Result<(), String> {
    let problem = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let area = SVGBackend::new(path, (1200, 900)).into_drawing_area();
    area.fill(&WHITE).map_err(|e| problem(&e))?;
    let end = samples.last().map_or(1.0, |sample| sample.at) / 60.0;
    for (part, (title, figure)) in area.split_evenly((FIGURES.len(), 1)).iter().zip(FIGURES) {
        let most = samples.iter().map(figure).fold(1.0, f64::max) * 1.05;
        let mut chart = ChartBuilder::on(part)
            .caption(title, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, 0.0..most)
            .map_err(|e| problem(&e))?;
        chart.configure_mesh().x_desc("minutes").draw().map_err(|e| problem(&e))?;
        let line = samples.iter().map(|sample| (sample.at / 60.0, figure(sample)));
        chart.draw_series(LineSeries::new(line, &BLUE)).map_err(|e| problem(&e))?;
    }
    area.present().map_err(|e| problem(&e))
}
