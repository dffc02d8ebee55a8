import { render } from "preact";
import type { StartPageData } from "../data";
import { user } from "./api";
import { Dashboard } from "./dashboard";
import { Home } from "./home";
import { useAsked, useHash } from "./hooks";

function Page({ data }: { data: StartPageData }) {
  const hash = useHash();
  const who = useAsked(user, []).value;
  const dashboard = data.dashboards.find(({ uid }) => uid === hash);
  return (
    <>
      <header>
        <a class="home" href="#home">
          {data.domain}
        </a>
        <nav>
          {data.dashboards.map(({ uid, title }) => (
            <a key={uid} href={`#${uid}`} aria-current={uid === hash ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="who">
          {who && <span class="quiet">{who}</span>} <a href={data.logout}>Log out</a>
        </span>
      </header>
      {dashboard ? <Dashboard key={dashboard.uid} spec={dashboard} /> : <Home data={data} />}
    </>
  );
}

const place = document.getElementById("page") as HTMLElement;
fetch("lab.json")
  .then(async (response) => render(<Page data={await response.json()} />, place))
  .catch((error: Error) => {
    place.textContent = `The page cannot be shown: ${error.message}`;
  });
