"""The text alternative of the picture."""

from typing import Any

from diffusion_lab.instruments.flow import kernel


def steps(shown: Any) -> str:
    """The solver and its steps, with the noise of the SDE."""
    count = f"step{'' if shown.num_steps == 1 else 's'}"
    if shown.noisy:
        return f"{shown.num_steps} Euler–Maruyama {count} of the SDE with σ = {shown.sde_sigma:g}"
    return f"{shown.num_steps} {shown.label('solver')} {count}"


def describe(shown: Any) -> str:
    """The picture in words."""
    reference, solved = shown.case.reference, steps(shown)
    name, kind = shown.flow.replace("_", " "), "exact" if shown.case.flow.exact else "fitted"
    name += f" in batches of {shown.batch_size}" if shown.flow == "minibatch_transport" else ""
    moved = "carried by the" if shown.view == "flow" else "on the paths of their own pairs of"
    text = (
        f"{kernel.NUM_POINTS} points {moved} {name} to the {shown.data_set.replace('_', ' ')} data ({kind} velocity,"
        f" seed {shown.seed}), at t = {shown.t:.2f}{f', in {solved}' if shown.view == 'flow' else ''}."
    )
    if shown.view == "both":
        text += f" Beside them the same noise is carried by the {'SDE' if shown.noisy else 'flow'}, in {solved}."
    text += f" {_solver(shown)}"
    text += _chart(shown)
    straightness, detour = reference.straightness.value, reference.detour.value
    text += f" Straightness S is {straightness:.3f}, path length over distance {detour:.2f}."
    if shown.view != "probe":
        return text + " Beside them are the paths of the same points by diffusion." * shown.show_diffusion
    (x, y), drawn = shown.met.mean, len(shown.met.velocities)
    text += f" At the probe ({shown.probe_x:.2f}, {shown.probe_y:.2f}) the mean velocity is ({x:.2f}, {y:.2f})"
    if not drawn:
        return f"{text}; so near the end no paths are drawn."
    return f"{text}, mean of {drawn} drawn paths and all others; they spread by {shown.met.spread:.2f}."


def _chart(shown: Any) -> str:
    """The chart, where it is that of distances."""
    if shown.chart_shows == "end_error":
        return ""
    if (curves := shown.curves) is None:
        return " The chart of distances against σ is empty: a fitted velocity gives no score."
    ends = ", ".join(
        f"with {steps} steps from {curve[0]:.3f} to {curve[-1]:.3f}"
        for steps, curve in zip(kernel.SDE_STEPS, curves, strict=True)
    )
    return (
        f" The chart shows the distance of the ends from the data as σ grows from 0 to {kernel.SIGMAS[-1]:g}: {ends}."
    )


def _solver(shown: Any) -> str:
    """What the solver does: its error against the flow's own ends, which an SDE has not, and its distance."""
    end_error, within, within_true = shown.ends
    text = f"The solver ({steps(shown)}, evaluations: {shown.run_of_solver.nfe}) "
    if not shown.noisy:
        text += f"ends {end_error:.3g} units from the flow's own end, root mean square; "
    text += (
        f"{'puts ' if shown.noisy else ''}{within:.0%} of its ends {'' if shown.noisy else 'lie '}within three standard"
        f" deviations of a centre (true value {within_true:.0%})."
    )
    if (found := shown.distance) is not None:
        text += f" Distance to the exact density: {found.distance:.3f}, for perfect draws {found.expected:.3f}."
    return text
