// Charts are drawn when they come near the window, so that a long report opens at once.
const plots = [...document.querySelectorAll(".plot")];
const draw = (plot) => {
  if (plot.dataset.drawn) return;
  plot.dataset.drawn = "yes";
  const { data, layout, config } = JSON.parse(plot.nextElementSibling.textContent);
  const room = plot.clientWidth;
  if (room < 500) layout.margin.r = 60; // for the numbers at the ends of the bars
  for (const axis of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    const title = layout[axis].title;
    if (!title?.text) continue;
    title.font = { size: 12, color: "#5d6470", ...title.font };
    if (axis[0] === "x" && room < 500) title.text = wrap(title.text, room / 9);
  }
  Plotly.newPlot(plot, data, layout, config);
};
const wrap = (text, width) => text.replace(new RegExp(`(.{1,${Math.floor(width)}})( |$)`, "g"), "$1<br>");

const near = new IntersectionObserver(
  (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => draw(one.target)),
  { rootMargin: "900px 0px" },
);
plots.forEach((plot) => near.observe(plot));

// Paper is narrower than a window: charts take its width while they are printed.
const PAPER = 620;
addEventListener("beforeprint", () => plots.forEach((plot) => {
  draw(plot);
  Plotly.relayout(plot, { autosize: false, width: PAPER });
}));
addEventListener("afterprint", () => plots.forEach((plot) => {
  Plotly.relayout(plot, { autosize: true, width: null });
}));

// The contents show which chapter is being read.
const links = new Map(
  [...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]),
);
const reading = new IntersectionObserver(
  (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => {
    links.forEach((link) => link.removeAttribute("aria-current"));
    const link = links.get(one.target.id);
    link.setAttribute("aria-current", "true");
    const bar = link.closest("nav");
    bar.scrollLeft = link.offsetLeft - 20;
  }),
  { rootMargin: "-10% 0px -80% 0px" },
);
links.forEach((_, id) => reading.observe(document.getElementById(id)));
